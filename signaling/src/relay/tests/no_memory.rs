//! Shows that data passes without a byte of memory being allocated.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use super::world::*;
use crate::relay::{News, Party};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// The system's memory, with a count of what this thread asked for. It counts for all tests of this binary and changes
/// nothing for them.
struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

#[expect(unsafe_code, reason = "there is no other way to see an allocation")]
// SAFETY: every request is handed on to the system as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract of `alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `System`, with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn allocations_of(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

#[test]
fn the_count_counts() {
    assert_eq!(allocations_of(|| drop(std::hint::black_box(Box::new(5)))), 1);
}

#[test]
fn data_passes_without_memory() {
    let mut world = World::call();
    let caller = world.asker(udp("5.5.5.5:1000"), credentials(Party::Lower));
    let callee = world.asker(stream(1, "6.6.6.6:1000"), credentials(Party::Higher));
    let (here, there) = (world.allocate(&caller), world.allocate(&callee));
    world.tell(News::Allocated { scope: SCOPE, relayed: at("8.8.8.8:59999") });
    assert_eq!(world.bind(&caller, 0x4000, "6.6.6.6:4000"), 200);
    assert_eq!(world.bind(&caller, 0x4001, &there.to_string()), 200);
    assert_eq!(world.bind(&caller, 0x4002, "8.8.8.8:59999"), 200);
    assert_eq!(world.bind(&callee, 0x4000, &here.to_string()), 200);

    let payload = [7; 1100];
    let (client, now) = (caller.client, world.now);
    let id = world.id_of(here).unwrap();
    let from_client = [
        channel_data(0x4000, &payload),
        channel_data(0x4001, &payload),
        channel_data(0x4002, &payload),
        send_indication(at("6.6.6.6:9"), &payload),
        send_indication(there, &payload),
    ];
    let refused = [
        channel_data(0x4fff, &payload),
        send_indication(at("6.6.6.7:9"), &payload),
        send_indication(at("8.8.8.8:3478"), &payload),
        vec![0x40, 0, 9],
        vec![0xff; 100],
    ];
    let peers = [at("6.6.6.6:4000"), at("6.6.6.6:9")];
    let (mut forwarded, mut dropped) = (0, 0);
    let relay = &mut world.relay;
    let allocated = allocations_of(|| {
        for _ in 0..100 {
            for packet in &from_client {
                forwarded += usize::from(relay.from_client(client, packet, now).is_some());
            }
            for peer in peers {
                forwarded += usize::from(relay.from_peer(id, peer, &payload, now).is_some());
            }
            let forward = relay.from_neighbour(here, there, SCOPE, &payload, now);
            forwarded += usize::from(forward.is_some());
            for packet in &refused {
                dropped += usize::from(relay.from_client(client, packet, now).is_none());
            }
            dropped += usize::from(relay.from_client(udp("9.9.9.8:1"), &from_client[0], now).is_none());
            dropped += usize::from(relay.from_peer(id, at("7.7.7.7:7"), &payload, now).is_none());
        }
    });
    assert_eq!((forwarded, dropped), (800, 700));
    assert_eq!(allocated, 0);
}
