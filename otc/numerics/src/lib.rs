//! Numbers under the pricing engines: normal law, quasi-random points, quadrature, solvers.
