//! Tasks that sleep in line until told otherwise: a building block.
