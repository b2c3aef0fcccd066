//! Empty: its manifest is what matters.
