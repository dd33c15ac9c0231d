//! Things under numbers that are never used twice, found without hashing.
//!
//! The low bits of a number are a place in a vector, the high bits count up with each thing that is put in: a number of
//! something that is gone finds nothing, whatever is in its place by now.

const PLACE_BITS: u32 = 24;

pub(super) struct Slots<T> {
    places: Vec<Option<(u64, T)>>,
    free: Vec<usize>,
    put: u64,
}

impl<T> Slots<T> {
    pub(super) const fn new() -> Self {
        Self { places: Vec::new(), free: Vec::new(), put: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    pub(super) fn insert(&mut self, thing: T) -> u64 {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() - 1
        });
        assert!(place < 1 << PLACE_BITS, "allocations are limited far below");
        self.put += 1;
        let number = self.put << PLACE_BITS | place as u64;
        self.places[place] = Some((number, thing));
        number
    }

    pub(super) fn get(&self, number: u64) -> Option<&T> {
        let (held, thing) = self.places.get(place_of(number))?.as_ref()?;
        (*held == number).then_some(thing)
    }

    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        let (held, thing) = self.places.get_mut(place_of(number))?.as_mut()?;
        (*held == number).then_some(thing)
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<T> {
        let place = place_of(number);
        let (_, thing) = self.places.get_mut(place)?.take_if(|(held, _)| *held == number)?;
        self.free.push(place);
        Some(thing)
    }
}

const fn place_of(number: u64) -> usize {
    (number & ((1 << PLACE_BITS) - 1)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_finds_its_thing_until_it_is_removed() {
        let mut slots = Slots::new();
        let (a, b) = (slots.insert('a'), slots.insert('b'));
        assert_eq!((slots.get(a), slots.get(b), slots.len()), (Some(&'a'), Some(&'b'), 2));
        assert_eq!(slots.get_mut(b), Some(&mut 'b'));
        assert_eq!(slots.remove(a), Some('a'));
        assert_eq!((slots.remove(a), slots.len()), (None, 1));
        assert_eq!((slots.get(a), slots.get(b)), (None, Some(&'b')));
    }

    #[test]
    fn a_number_is_never_used_twice_though_its_place_is() {
        let mut slots = Slots::new();
        let old = slots.insert('a');
        slots.remove(old);
        let new = slots.insert('b');
        assert_ne!(old, new);
        assert_eq!((slots.get(old), slots.get(new)), (None, Some(&'b')));
        assert_eq!(slots.get_mut(old), None);
        assert_eq!(slots.remove(old), None);
        assert_eq!(slots.places.len(), 1);
    }
}
