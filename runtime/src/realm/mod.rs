//! What the trees of one user share: the directory they live in, and the key they prove themselves with.
pub(crate) mod directory;
pub(crate) mod keys;
