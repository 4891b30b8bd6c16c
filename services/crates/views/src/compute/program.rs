//! Expressions as programs: a list of instructions over numbered slots, each a block of elements.
//!
//! ```text
//! hypot(uas,vas)*2 ─▶ slots: uas, vas | 2 | results     %3 = hypot %0 %1; %3 = multiply %3 %2
//! ```
//! The tree is walked once; an instruction is then a loop over a block that the compiler makes vector code of.

mod kernels;

use crate::name::Name;
use crate::steps::{Expression, Function};
use kernels::{Binary, Unary};

/// A compiled [`Expression`].
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    inputs: usize,
    constants: Vec<f64>,
    instructions: Vec<Instruction>,
    /// How many slots there are: inputs, constants, then results.
    slots: usize,
    /// Where the result is in the end.
    result: usize,
}

/// What is computed of slots, and the slot where it goes, which may be one of them.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Instruction {
    Unary { kernel: Unary, of: usize, to: usize },
    Binary { kernel: Binary, left: usize, right: usize, to: usize },
}

/// Where a value is, before it is known how many inputs and constants there are.
#[derive(Debug, Clone, Copy)]
enum Place {
    Input(usize),
    Constant(usize),
    /// So deep in the stack of results.
    Result(usize),
}

/// Slots of one evaluation, of as many elements each.
pub(super) struct Slots {
    slots: Vec<Vec<f64>>,
    spare: Vec<f64>,
}

impl Program {
    /// The program of an expression, and the names of its inputs in their order: that in which they first stand there.
    pub fn new(expression: &Expression) -> (Self, Vec<Name>) {
        let mut compiler = Compiler::default();
        let result = compiler.compile(expression, 0);
        let slot = |place| match place {
            Place::Input(number) => number,
            Place::Constant(number) => compiler.names.len() + number,
            Place::Result(number) => compiler.names.len() + compiler.constants.len() + number,
        };
        let instructions = compiler.operations.iter().map(|operation| operation.instruction(slot)).collect();
        let slots = slot(Place::Result(compiler.results));
        let program = Self {
            inputs: compiler.names.len(),
            instructions,
            slots,
            result: slot(result),
            constants: compiler.constants,
        };
        (program, compiler.names)
    }

    /// How many inputs it has; none if it is only of numbers.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Slots for blocks of so many elements, the constants in theirs.
    pub(super) fn slots(&self, length: usize) -> Slots {
        let mut slots = vec![vec![0.0; length]; self.slots];
        for (slot, constant) in slots.iter_mut().skip(self.inputs).zip(&self.constants) {
            slot.fill(*constant);
        }
        Slots { slots, spare: vec![0.0; length] }
    }

    /// Computes a block of the inputs that lie in the first slots.
    pub(super) fn run<'a>(&self, slots: &'a mut Slots) -> &'a [f64] {
        for instruction in &self.instructions {
            slots.execute(*instruction);
        }
        slots.get(self.result)
    }
}

impl Slots {
    /// Slots without a program: inputs alone.
    pub(super) fn of_inputs(count: usize, length: usize) -> Self {
        Self { slots: vec![vec![0.0; length]; count], spare: Vec::new() }
    }

    /// A slot; empty if there is none of that number.
    pub(super) fn get(&self, number: usize) -> &[f64] {
        self.slots.get(number).map_or(&[], Vec::as_slice)
    }

    /// The slots, those of inputs first.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Vec<f64>> {
        self.slots.iter_mut()
    }

    /// The result is made in the spare block, which then takes the place of the one that goes.
    fn execute(&mut self, instruction: Instruction) {
        let mut result = std::mem::take(&mut self.spare);
        let to = match instruction {
            Instruction::Unary { kernel, of, to } => {
                kernel.apply(self.get(of), &mut result);
                to
            }
            Instruction::Binary { kernel, left, right, to } => {
                kernel.apply(self.get(left), self.get(right), &mut result);
                to
            }
        };
        if let Some(slot) = self.slots.get_mut(to) {
            std::mem::swap(slot, &mut result);
        }
        self.spare = result;
    }
}

/// An instruction before slots are numbered.
#[derive(Debug, Clone, Copy)]
enum Operation {
    Unary(Unary, Place, usize),
    Binary(Binary, Place, Place, usize),
}

impl Operation {
    fn instruction(self, slot: impl Fn(Place) -> usize) -> Instruction {
        match self {
            Self::Unary(kernel, of, to) => {
                Instruction::Unary { kernel, of: slot(of), to: slot(Place::Result(to)) }
            }
            Self::Binary(kernel, left, right, to) => {
                let to = slot(Place::Result(to));
                Instruction::Binary { kernel, left: slot(left), right: slot(right), to }
            }
        }
    }
}

#[derive(Default)]
struct Compiler {
    names: Vec<Name>,
    constants: Vec<f64>,
    operations: Vec<Operation>,
    /// The most results that are there at once.
    results: usize,
}

impl Compiler {
    /// Compiles a tree, whose depth the parser bounds. Results so deep in the stack are free.
    fn compile(&mut self, expression: &Expression, free: usize) -> Place {
        match expression {
            Expression::Number(number) => {
                self.constants.push(*number);
                Place::Constant(self.constants.len() - 1)
            }
            Expression::Variable(name) => Place::Input(self.input(name)),
            Expression::Negate(inner) => self.unary(Unary::Negate, inner, free),
            Expression::Binary(operator, left, right) => {
                self.binary(Binary::of_operator(*operator), left, right, free)
            }
            Expression::Call(function, arguments) => self.call(*function, arguments, free),
        }
    }

    fn input(&mut self, name: &Name) -> usize {
        self.names.iter().position(|known| known == name).unwrap_or_else(|| {
            self.names.push(name.clone());
            self.names.len() - 1
        })
    }

    fn call(&mut self, function: Function, arguments: &[Expression], free: usize) -> Place {
        let [first, rest @ ..] = arguments else {
            // No function is of nothing: the parser lets none through.
            return self.compile(&Expression::Number(f64::NAN), free);
        };
        if let Some(kernel) = Unary::of_function(function) {
            return self.unary(kernel, first, free);
        }
        let kernels = Binary::of_function(function);
        let mut result = self.compile(first, free);
        for (argument, kernel) in rest.iter().zip(kernels.iter().cycle()) {
            result = self.with(*kernel, result, argument, free);
        }
        result
    }

    fn unary(&mut self, kernel: Unary, inner: &Expression, free: usize) -> Place {
        let of = self.compile(inner, free);
        self.operations.push(Operation::Unary(kernel, of, free));
        self.result(free)
    }

    fn binary(&mut self, kernel: Binary, left: &Expression, right: &Expression, free: usize) -> Place {
        let left = self.compile(left, free);
        self.with(kernel, left, right, free)
    }

    /// Something and an expression.
    fn with(&mut self, kernel: Binary, left: Place, right: &Expression, free: usize) -> Place {
        let right = self.compile(right, if matches!(left, Place::Result(_)) { free + 1 } else { free });
        self.operations.push(Operation::Binary(kernel, left, right, free));
        self.result(free)
    }

    fn result(&mut self, number: usize) -> Place {
        self.results = self.results.max(number + 1);
        Place::Result(number)
    }
}
