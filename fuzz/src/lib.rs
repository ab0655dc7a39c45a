//! The targets under libFuzzer, with a bound on the memory that one input may take: see `scripts/fuzz`.

pub mod targets;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What an input may take, in bytes, beside [`A_BYTE`] for each of its own: a status list is inflated into a buffer of its greatest size.
pub const AT_MOST: usize = 8 << 20;
/// What a byte of input may cost.
pub const A_BYTE: usize = 512;

static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

// SAFETY: everything is the system allocator's; only numbers are kept beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(held, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(held, Ordering::Relaxed);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(at, layout) }
    }
}

/// Runs a target on one input. Panics where it took more memory than [`AT_MOST`] and [`A_BYTE`] allow.
///
/// # Panics
/// Where the target does, and where the bound is broken.
pub fn run(name: &str, bytes: &[u8]) {
    let target = targets::TARGETS.iter().find(|(known, _)| *known == name).map(|(_, target)| *target);
    let target = target.unwrap_or_else(|| panic!("no target {name}"));
    let before = HELD.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    target(bytes);
    let took = MOST.load(Ordering::Relaxed).saturating_sub(before);
    assert!(took <= AT_MOST + A_BYTE * bytes.len(), "{name}: {} bytes of input took {took} bytes of memory", bytes.len());
}
