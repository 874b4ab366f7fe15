//! What a machine can hold of the project's habits.
