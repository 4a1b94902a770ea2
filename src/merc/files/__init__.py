"""Safe reading and writing of files, whatever they hold, and the little that all packages need, such as shapes of arrays."""
