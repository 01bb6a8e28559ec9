//! One guard at a time, held across awaits.
