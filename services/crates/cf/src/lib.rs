//! CF conventions: time units and calendars.
