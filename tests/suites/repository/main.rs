//! What the repository promises about itself: requirements, walls, generated files, charts.
