//! The book that builds Laneway chapter by chapter.
