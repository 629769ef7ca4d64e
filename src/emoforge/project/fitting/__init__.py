"""Fitting a converter: of any kind, as the params say, from nothing or from one that learnt before."""
