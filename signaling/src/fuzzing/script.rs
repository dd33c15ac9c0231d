//! Bytes read as a script. Where they end, so does the script.

pub(super) struct Script<'b>(&'b [u8]);

impl<'b> Script<'b> {
    pub(super) const fn new(bytes: &'b [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// A number below `count`.
    pub(super) fn pick(&mut self, count: usize) -> Option<usize> {
        Some(usize::from(self.byte()?) % count.max(1))
    }

    pub(super) fn number(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes([self.byte()?, self.byte()?]))
    }

    /// So many bytes as the next one says, or what is left.
    pub(super) fn bytes(&mut self) -> Option<&'b [u8]> {
        let length = usize::from(self.byte()?).min(self.0.len());
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        Some(bytes)
    }
}
