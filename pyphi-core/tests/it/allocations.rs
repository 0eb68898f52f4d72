//! The number of requests for memory in the search for Φ of a small network: in a survey of
//! thousands of networks they are most of the cost. And how much memory a search has at once, which
//! is no more than it plans for.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use pyphi_core::{Options, Subsystem, big_phi, big_phi_many, fixtures, memory_needed};

/// The allocator of the system, counting the calls and the bytes of each thread.
struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
    /// The bytes that are in use, and the most that were.
    static BYTES: Cell<[i64; 2]> = const { Cell::new([0; 2]) };
}

fn count() {
    COUNT.with(|count| count.set(count.get() + 1));
}

fn add(bytes: i64) {
    BYTES.with(|it| {
        let [now, most] = it.get();
        it.set([now + bytes, most.max(now + bytes)]);
    });
}

// SAFETY: everything is left to the allocator of the system. A counter without a destructor that is
// initialised at compile time neither allocates nor is ever gone.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        add(layout.size() as i64);
        // SAFETY: as for this function.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        add(layout.size() as i64);
        // SAFETY: as for this function.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count();
        add(new_size as i64 - layout.size() as i64);
        // SAFETY: as for this function.
        unsafe { System.realloc(at, layout, new_size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        add(-(layout.size() as i64));
        // SAFETY: as for this function.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of one more network in a row.
fn per_network(n_units: usize) -> u64 {
    let subsystems: Vec<Subsystem> =
        (1..=24).map(|seed| fixtures::generic_logistic(n_units, seed)).collect();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    pool.install(|| {
        let counted = |n: usize| {
            let before = COUNT.get();
            let found = big_phi_many(&subsystems[..n], &Options::default());
            assert!(found.iter().all(|it| it.phi > 0.0));
            COUNT.get() - before
        };
        let of_some = counted(8);
        (counted(24) - of_some) / 16
    })
}

/// A search asks for a handful: the list of mechanisms, of cuts, of what is known of them.
#[test]
fn small_networks_ask_for_memory_seldom() {
    const HANDFUL: u64 = 24;
    for n_units in [3, 4] {
        let all = per_network(n_units);
        assert!(all <= HANDFUL, "{n_units} units: {all}");
    }
}

/// Of units with more than two values, most of it is for pairs of states.
#[test]
fn a_search_of_many_values_keeps_to_its_price() {
    let subsystem = fixtures::dense_of_values(&[16, 16], 1);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    let most = pool.install(|| {
        let [before, _] = BYTES.get();
        BYTES.set([before; 2]);
        assert!(big_phi(&subsystem, &Options::default()).phi > 0.0);
        BYTES.get()[1] - before
    });
    let price = memory_needed(&subsystem, 1, false);
    assert!(most as u64 <= price, "{most} bytes, planned {price}");
    assert!(price < 16 * most as u64, "{most} bytes, planned {price}");
}
