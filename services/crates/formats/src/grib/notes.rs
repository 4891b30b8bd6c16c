//! Warnings, counted: a file has thousands of messages, and a person reads a few lines.

use std::collections::BTreeMap;

use model::Warning;

/// What is to be told of a file.
#[derive(Debug, Default)]
pub(super) struct Notes {
    left_out: BTreeMap<(String, &'static str), (u64, u64)>,
    others: Vec<Warning>,
}

impl Notes {
    /// A field whose message begins at `offset` is left out.
    pub(super) fn leave_out(&mut self, name: &str, why: &'static str, offset: u64) {
        self.left_out.entry((name.to_owned(), why)).or_insert((0, offset)).0 += 1;
    }

    /// Something else.
    pub(super) fn warn(&mut self, subject: &str, message: impl Into<String>) {
        self.others.push(Warning { subject: subject.to_owned(), message: message.into() });
    }

    pub(super) fn into_warnings(self) -> Vec<Warning> {
        let left_out = self.left_out.into_iter().map(|((subject, why), (count, offset))| {
            let message = match count {
                1 => format!("a field at byte {offset} is left out: {why}"),
                _ => format!("{count} fields are left out, the first at byte {offset}: {why}"),
            };
            Warning { subject, message }
        });
        left_out.chain(self.others).collect()
    }
}
