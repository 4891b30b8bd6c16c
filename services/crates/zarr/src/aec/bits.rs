//! Reading bits, most significant first.

/// A stream of bits.
pub(super) struct Bits<'s> {
    rest: &'s [u8],
    /// The next bits at the top. Beyond `held` may be bits that come again.
    window: u64,
    held: u32,
}

impl<'s> Bits<'s> {
    pub(super) fn new(rest: &'s [u8]) -> Self {
        Self { rest, window: 0, held: 0 }
    }

    /// Holds at least 56 bits, or all that are left.
    #[inline]
    fn fill(&mut self) {
        if let Some(next) = self.rest.first_chunk::<8>() {
            self.window |= u64::from_be_bytes(*next) >> self.held;
            let bytes = (63 - self.held) / 8;
            self.rest = &self.rest[bytes as usize..];
            self.held += bytes * 8;
            return;
        }
        while self.held <= 56
            && let Some((byte, rest)) = self.rest.split_first()
        {
            self.window |= u64::from(*byte) << (56 - self.held);
            self.held += 8;
            self.rest = rest;
        }
    }

    /// The next 1 to 32 bits.
    #[inline]
    pub(super) fn read(&mut self, count: u32) -> Option<u32> {
        if self.held < count {
            self.fill();
            if self.held < count {
                return None;
            }
        }
        let value = self.window >> (64 - count);
        self.window <<= count;
        self.held -= count;
        Some(value as u32)
    }

    /// How many zeros stand before the next one, which is taken too.
    #[inline]
    pub(super) fn unary(&mut self) -> Option<u32> {
        let mut zeros = 0_u32;
        loop {
            let run = self.window.leading_zeros();
            if run < self.held {
                self.window = self.window << run << 1;
                self.held -= run + 1;
                return Some(zeros + run);
            }
            zeros = zeros.checked_add(self.held)?;
            self.window = 0;
            self.held = 0;
            self.fill();
            if self.held == 0 {
                return None;
            }
        }
    }

    /// Goes on at a whole byte.
    pub(super) fn align(&mut self) {
        let part = self.held % 8;
        self.window <<= part;
        self.held -= part;
    }
}
