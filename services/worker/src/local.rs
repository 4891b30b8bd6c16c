//! LocalWorker: the real thing behind the port.
