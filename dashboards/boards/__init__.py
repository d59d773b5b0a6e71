"""The dashboards, one module each: a `BOARD` of rows of panels."""
