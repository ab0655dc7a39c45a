//! The one door through which randomness enters.

use super::ids::Hash;

/// A source of random bytes: the operating system's in production, a seed in tests and simulations.
pub struct Chance(Box<dyn FnMut(&mut [u8]) + Send>);

impl Chance {
    /// A source that fills buffers by `fill`.
    pub fn new(fill: impl FnMut(&mut [u8]) + Send + 'static) -> Self {
        Self(Box::new(fill))
    }

    /// A repeatable source for tests and simulations: SHA-256 of the seed and a counter. Never for real keys.
    pub fn seeded(seed: u64) -> Self {
        let mut counter = 0u64;
        Self::new(move |buffer| {
            for chunk in buffer.chunks_mut(32) {
                let block = Hash::of(&[b"teilhabe/chance", &seed.to_be_bytes(), &counter.to_be_bytes()]);
                counter += 1;
                chunk.iter_mut().zip(block.0).for_each(|(to, from)| *to = from);
            }
        })
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        (self.0)(&mut out);
        out
    }

    /// A number below `bound` (zero where `bound` is zero); the bias is below 2⁻³² for the small bounds used.
    pub fn below(&mut self, bound: u32) -> u32 {
        let wide = u64::from_be_bytes(self.bytes());
        u32::try_from(wide % u64::from(bound.max(1))).unwrap_or(0)
    }
}

impl std::fmt::Debug for Chance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Chance")
    }
}
