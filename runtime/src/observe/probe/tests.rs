//! The tables: rows come, count, and go.
