"""Safe reading and writing of files, whatever they hold."""
