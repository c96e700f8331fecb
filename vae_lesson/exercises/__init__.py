"""The exercises of the course: the mechanism in exercise.py, and one module for each lesson."""
