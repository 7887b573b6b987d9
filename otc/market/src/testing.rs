//! Markets that tests of several modules look at.

use crate::vol::{Slice, Smile, Smiles, Surface, Svi};

/// Two smiles, at half a year and at two years.
pub(crate) fn smiles() -> Surface {
    let near = Svi {
        a: 0.009,
        b: 0.061,
        rho: -0.31,
        m: 0.02,
        s: 0.17,
    };
    let far = Svi {
        a: 0.031,
        b: 0.118,
        rho: -0.35,
        m: 0.03,
        s: 0.28,
    };
    Surface::Smiles(Smiles::new(vec![
        Slice {
            time: 0.5,
            smile: Smile::Svi(near),
        },
        Slice {
            time: 2.0,
            smile: Smile::Svi(far),
        },
    ]))
}
