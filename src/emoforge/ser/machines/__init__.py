"""Recognisers made of least-squares support vector machines, and how they are chosen."""
