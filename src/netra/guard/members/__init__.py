"""What classes, modules, functions and constructors of the program have and take, where all of it is known."""
