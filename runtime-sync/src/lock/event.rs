//! A signal that stays set.
