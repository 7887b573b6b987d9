//! The Merkle tree of RFC 9162 (section 2.1): roots, inclusion and consistency proofs.
//!
//! Leaves are record hashes, SHA-256(0x00 ‖ record); inner nodes are SHA-256(0x01 ‖ left ‖ right).

use std::collections::{BTreeMap, HashMap};

use crate::hash::Hash;

/// Leaves under one kept subtree; its root is stored when it is complete, so that proofs read a
/// thousandth of the log.
pub const CHUNK: u64 = 1 << CHUNK_LEVEL;
const CHUNK_LEVEL: u32 = 10;

/// Hash of an inner node.
#[must_use]
pub fn node(left: &Hash, right: &Hash) -> Hash {
    Hash::of(&[&[0x01], &left.0, &right.0])
}

/// Root of the empty tree: SHA-256 of nothing.
#[must_use]
pub fn empty_root() -> Hash {
    Hash::of(&[])
}

/// The roots of the complete subtrees of a growing tree, largest first: enough to append and to
/// give the root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// A frontier as it was stored; `None` when the number of peaks does not fit the size.
    #[must_use]
    pub fn from_parts(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        (usize::try_from(size.count_ones()) == Ok(peaks.len())).then_some(Self { size, peaks })
    }

    /// Number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Roots of the complete subtrees, largest first.
    #[must_use]
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Adds a leaf; the root of a chunk of [`CHUNK`] leaves when this leaf completes one.
    pub fn append(&mut self, leaf: Hash) -> Option<Hash> {
        let mut hash = leaf;
        let mut chunk = None;
        for level in 1..=self.size.trailing_ones() {
            // The size has as many one bits as there are peaks, so a left sibling is there.
            let Some(left) = self.peaks.pop() else { break };
            hash = node(&left, &hash);
            if level == CHUNK_LEVEL {
                chunk = Some(hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
        chunk
    }

    /// Root of the tree.
    #[must_use]
    pub fn root(&self) -> Hash {
        let joined = self
            .peaks
            .iter()
            .rev()
            .copied()
            .reduce(|right, left| node(&left, &right));
        joined.unwrap_or_else(empty_root)
    }
}

/// A leaf that a proof needs was not given to the [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the hash of leaf {0} is needed for the proof and was not loaded")]
pub struct MissingLeaf(pub u64);

/// A tree of which the roots of complete chunks and the leaves of some chunks are known.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    size: u64,
    chunk_roots: Vec<Hash>,
    leaves: BTreeMap<u64, Hash>,
    known: HashMap<(u64, u64), Hash>,
}

impl Tree {
    /// A tree of `size` leaves with the roots of its complete chunks.
    #[must_use]
    pub fn new(size: u64, chunk_roots: Vec<Hash>) -> Self {
        Self {
            size,
            chunk_roots,
            ..Self::default()
        }
    }

    /// Makes a leaf known.
    pub fn insert_leaf(&mut self, index: u64, leaf: Hash) {
        self.leaves.insert(index, leaf);
    }

    /// First leaf of each chunk whose leaves proofs about the leaf `index` need.
    #[must_use]
    pub fn chunks_needed(&self, index: u64) -> [u64; 2] {
        let start = |leaf: u64| leaf / CHUNK * CHUNK;
        [start(index), start(self.size.saturating_sub(1))]
    }

    /// Root of the tree.
    ///
    /// # Errors
    /// [`MissingLeaf`] when a leaf outside the complete chunks is not known.
    pub fn root(&mut self) -> Result<Hash, MissingLeaf> {
        self.range(0, self.size)
    }

    /// `PATH(index, D[size])`: the siblings from the leaf up.
    ///
    /// # Errors
    /// [`MissingLeaf`] when `index` is outside the tree or a leaf of its chunk is not known.
    pub fn inclusion(&mut self, index: u64) -> Result<Vec<Hash>, MissingLeaf> {
        if index >= self.size {
            return Err(MissingLeaf(index));
        }
        let mut path = Vec::new();
        let (mut start, mut end) = (0, self.size);
        while end - start > 1 {
            let middle = start + split(end - start);
            if index < middle {
                path.push(self.range(middle, end)?);
                end = middle;
            } else {
                path.push(self.range(start, middle)?);
                start = middle;
            }
        }
        path.reverse();
        Ok(path)
    }

    /// `PROOF(earlier, D[size])`: shows that the tree of the first `earlier` leaves is a part.
    ///
    /// # Errors
    /// [`MissingLeaf`] when `earlier` is 0 or over the size, or a leaf is not known.
    pub fn consistency(&mut self, earlier: u64) -> Result<Vec<Hash>, MissingLeaf> {
        if earlier == 0 || earlier > self.size {
            return Err(MissingLeaf(earlier));
        }
        let mut path = Vec::new();
        let (mut start, mut end) = (0, self.size);
        // Whether the earlier tree so far is a complete subtree that the verifier has as its root.
        let mut whole = true;
        while earlier < end {
            let middle = start + split(end - start);
            if earlier <= middle {
                path.push(self.range(middle, end)?);
                end = middle;
            } else {
                path.push(self.range(start, middle)?);
                start = middle;
                whole = false;
            }
        }
        if !whole {
            path.push(self.range(start, end)?);
        }
        path.reverse();
        Ok(path)
    }

    /// `MTH(D[start:end])`.
    fn range(&mut self, start: u64, end: u64) -> Result<Hash, MissingLeaf> {
        let length = end - start;
        if length == 0 {
            return Ok(empty_root());
        }
        if length == 1 {
            return self.leaves.get(&start).copied().ok_or(MissingLeaf(start));
        }
        if length == CHUNK && start.is_multiple_of(CHUNK) {
            let number = usize::try_from(start / CHUNK).unwrap_or(usize::MAX);
            if let Some(root) = self.chunk_roots.get(number) {
                return Ok(*root);
            }
        }
        if let Some(hash) = self.known.get(&(start, end)) {
            return Ok(*hash);
        }
        let middle = start + split(length);
        let hash = node(&self.range(start, middle)?, &self.range(middle, end)?);
        self.known.insert((start, end), hash);
        Ok(hash)
    }
}

/// The largest power of two smaller than `length` (which is over 1).
fn split(length: u64) -> u64 {
    1 << (u64::BITS - 1 - (length - 1).leading_zeros())
}

/// Whether `path` shows that `leaf` is at `index` of the tree with `size` leaves and `root`
/// (RFC 9162, section 2.1.3.2).
#[must_use]
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut position, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if position & 1 == 1 || position == last {
            hash = node(sibling, &hash);
            while position & 1 == 0 && position != 0 {
                position >>= 1;
                last >>= 1;
            }
        } else {
            hash = node(&hash, sibling);
        }
        position >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Whether `path` shows that the tree of `earlier` leaves with `earlier_root` is the beginning of
/// the tree of `size` leaves with `root` (RFC 9162, section 2.1.4.2). An empty earlier tree is the
/// beginning of every tree.
#[must_use]
pub fn verify_consistency(
    (earlier, earlier_root): (u64, &Hash),
    (size, root): (u64, &Hash),
    path: &[Hash],
) -> bool {
    if earlier == 0 {
        return path.is_empty() && *earlier_root == empty_root();
    }
    if earlier >= size {
        return earlier == size && path.is_empty() && earlier_root == root;
    }
    let mut rest = path.iter();
    let first = if earlier.is_power_of_two() {
        Some(earlier_root)
    } else {
        rest.next()
    };
    let Some(first) = first else { return false };
    let shift = (earlier - 1).trailing_ones();
    let (mut position, mut last) = ((earlier - 1) >> shift, (size - 1) >> shift);
    let (mut old, mut new) = (*first, *first);
    for sibling in rest {
        if last == 0 {
            return false;
        }
        if position & 1 == 1 || position == last {
            old = node(sibling, &old);
            new = node(sibling, &new);
            while position & 1 == 0 && position != 0 {
                position >>= 1;
                last >>= 1;
            }
        } else {
            new = node(&new, sibling);
        }
        position >>= 1;
        last >>= 1;
    }
    last == 0 && old == *earlier_root && new == *root
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn leaf(index: u64) -> Hash {
        Hash::of(&[&[0x00], &index.to_be_bytes()])
    }

    /// The recursive definition of the standard.
    fn root_by_definition(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => empty_root(),
            [one] => *one,
            many => {
                let at = usize::try_from(split(many.len() as u64)).expect("small");
                node(
                    &root_by_definition(&many[..at]),
                    &root_by_definition(&many[at..]),
                )
            }
        }
    }

    fn tree(size: u64) -> (Tree, Hash) {
        let mut frontier = Frontier::default();
        let chunks = (0..size)
            .filter_map(|index| frontier.append(leaf(index)))
            .collect();
        let mut tree = Tree::new(size, chunks);
        (0..size).for_each(|index| tree.insert_leaf(index, leaf(index)));
        (tree, frontier.root())
    }

    #[test]
    fn known_trees_have_their_known_roots() {
        let inputs: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let roots = [
            (
                1,
                "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            ),
            (
                2,
                "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            ),
            (
                3,
                "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            ),
            (
                7,
                "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            ),
            (
                8,
                "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
            ),
        ];
        for (size, expected) in roots {
            let mut frontier = Frontier::default();
            for input in &inputs[..size] {
                frontier.append(Hash::of(&[&[0x00], input]));
            }
            assert_eq!(frontier.root().to_string(), expected, "{size} leaves");
        }
    }

    #[test]
    fn a_proof_needs_the_leaves_of_two_chunks_only() {
        let size = CHUNK * 3 + 5;
        let (full, root) = tree(size);
        let index = CHUNK + 7;
        let mut sparse = Tree::new(size, full.chunk_roots.clone());
        for start in sparse.chunks_needed(index) {
            for leaf_index in start..(start + CHUNK).min(size) {
                sparse.insert_leaf(leaf_index, leaf(leaf_index));
            }
        }
        assert_eq!(sparse.root(), Ok(root));
        let path = sparse.inclusion(index).expect("all it needs");
        assert!(verify_inclusion(&leaf(index), index, size, &path, &root));
        assert!(matches!(sparse.inclusion(1), Err(MissingLeaf(_))));
    }

    #[test]
    fn a_frontier_of_the_wrong_length_is_refused() {
        assert_eq!(Frontier::from_parts(3, vec![Hash::ZERO]), None);
        assert!(Frontier::from_parts(3, vec![Hash::ZERO; 2]).is_some());
    }

    proptest! {
        #[test]
        fn the_frontier_s_root_is_the_defined_root(size in 0_u64..300) {
            let leaves: Vec<_> = (0..size).map(leaf).collect();
            let (mut tree, root) = tree(size);
            prop_assert_eq!(root, root_by_definition(&leaves));
            prop_assert_eq!(tree.root(), Ok(root));
        }

        #[test]
        fn every_leaf_is_proved_and_no_other(size in 1_u64..200, index in 0_u64..200, other in 0_u64..200) {
            let index = index % size;
            let (mut tree, root) = tree(size);
            let path = tree.inclusion(index).expect("inside");
            prop_assert!(verify_inclusion(&leaf(index), index, size, &path, &root));
            prop_assert!(!verify_inclusion(&leaf(size + 1), index, size, &path, &root));
            if other != index {
                prop_assert!(!verify_inclusion(&leaf(index), other, size, &path, &root));
            }
            let mut longer = path.clone();
            longer.push(root);
            prop_assert!(!verify_inclusion(&leaf(index), index, size, &longer, &root));
            if !path.is_empty() {
                prop_assert!(!verify_inclusion(&leaf(index), index, size, &path[1..], &root));
            }
        }

        #[test]
        fn every_beginning_is_proved_and_no_other(size in 1_u64..200, earlier in 1_u64..200) {
            let earlier = 1 + earlier % size;
            let (mut now, root) = tree(size);
            let (_, earlier_root) = tree(earlier);
            let path = now.consistency(earlier).expect("inside");
            prop_assert!(verify_consistency((earlier, &earlier_root), (size, &root), &path));
            prop_assert!(!verify_consistency((earlier, &leaf(9)), (size, &root), &path));
            prop_assert!(!verify_consistency((earlier, &earlier_root), (size, &leaf(9)), &path));
            let mut longer = path;
            longer.push(root);
            prop_assert!(!verify_consistency((earlier, &earlier_root), (size, &root), &longer));
        }
    }
}
