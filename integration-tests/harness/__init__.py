"""The system from outside: starting the binary, the sample files, what another library reads of them."""
