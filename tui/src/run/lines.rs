//! Bytes of output become lines.

/// The longest line kept; what lies beyond is cut into lines of its own.
const LONGEST: usize = 16 << 10;

/// Cuts a stream of bytes into lines. A carriage return inside a line begins it anew, as on a terminal.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    begun: Vec<u8>,
    returned: bool,
}

impl Lines {
    /// Takes bytes; whole lines come out.
    pub fn take(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for &byte in bytes {
            match byte {
                b'\n' => {
                    self.returned = false;
                    lines.push(self.cut());
                }
                b'\r' => self.returned = true,
                _ => {
                    if std::mem::take(&mut self.returned) {
                        self.begun.clear();
                    }
                    if self.begun.len() >= LONGEST {
                        lines.push(self.cut());
                    }
                    self.begun.push(byte);
                }
            }
        }
        lines
    }
    /// The last line, when it has no end of its own.
    pub fn rest(&mut self) -> Option<String> {
        (!self.begun.is_empty()).then(|| self.cut())
    }
    fn cut(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.begun)).into_owned()
    }
}
