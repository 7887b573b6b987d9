//! Throughput of the inner loops on one core: `cargo run --release -p rialto-otc-numerics --example throughput`.

use std::hint::black_box;
use std::time::Instant;

use rialto_otc_numerics::bridge::BrownianBridge;
use rialto_otc_numerics::normal::{cdf, inverse_cdf_in_place};
use rialto_otc_numerics::pde::{Boundary, Coefficients, Operator, Scheme, Stepper};
use rialto_otc_numerics::philox::Philox;
use rialto_otc_numerics::sobol::{Scramble, Sobol};

/// Best seconds of nine runs of `f`.
fn best(mut f: impl FnMut()) -> f64 {
    (0..9)
        .map(|_| {
            let start = Instant::now();
            f();
            start.elapsed().as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min)
}

fn draws() -> Result<(), rialto_otc_numerics::Error> {
    let n = 1 << 16;
    let mut out = vec![0.0; n];
    let rate = |seconds: f64| n as f64 / seconds * 1e-6;
    let g = Philox::new(1);
    println!(
        "philox uniforms: {:.0} M/s",
        rate(best(|| g.fill_uniforms(0, 0, 0, &mut out)))
    );
    let uniforms = out.clone();
    let seconds = best(|| {
        out.copy_from_slice(&uniforms);
        inverse_cdf_in_place(&mut out);
    });
    println!("inverse normal: {:.0} M/s", rate(seconds));
    let seconds = best(|| {
        out.iter_mut()
            .zip(&uniforms)
            .for_each(|(o, u)| *o = cdf(4.0 * u - 2.0))
    });
    println!("normal cdf: {:.0} M/s", rate(seconds));
    let sobol = Sobol::new(252)?;
    let scramble = Scramble::new(1, 0);
    let seconds = best(|| {
        sobol
            .fill_scrambled(scramble, 100, 0, &mut out)
            .unwrap_or_default()
    });
    println!("scrambled Sobol uniforms: {:.0} M/s", rate(seconds));
    println!(
        "Sobol table of 252 dimensions: {:.0} us",
        1e6 * best(|| drop(black_box(Sobol::new(252))))
    );
    let times: Vec<f64> = (1..=252).map(f64::from).collect();
    let bridge = BrownianBridge::new(&times)?;
    let (z, mut dw) = (vec![0.5; 252 * 1024], vec![0.0; 252 * 1024]);
    let seconds = best(|| bridge.increments(&z, &mut dw, 1024).unwrap_or_default());
    println!(
        "Brownian bridge: {:.0} M increments/s",
        252.0 * 1024.0 / seconds * 1e-6
    );
    Ok(())
}

fn pde<const K: usize>() -> Result<(), rialto_otc_numerics::Error> {
    let n = 400;
    let x: Vec<f64> = (0..n).map(|i| 3.0 + 0.01 * f64::from(i)).collect();
    let c = Coefficients {
        diffusion: [0.02; K],
        drift: [0.01; K],
        rate: [0.03; K],
    };
    let ends = Boundary::LinearInSpot;
    let operator = Operator::new(&x, &vec![c; n as usize], ends, ends)?;
    for scheme in [Scheme::CrankNicolsonRannacher, Scheme::Sdirk2] {
        let stepper = Stepper::new(&operator, scheme, 0.004)?;
        let mut v: Vec<[f64; K]> = x.iter().map(|x| [(x.exp() - 100.0).max(0.0); K]).collect();
        let seconds = best(|| stepper.run(&mut v, 0.0, 250).unwrap_or_default());
        let rate = 250.0 * f64::from(n) * K as f64 / seconds * 1e-6;
        println!("pde {scheme:?}, {K} lanes: {rate:.0} M node-steps/s");
    }
    Ok(())
}

fn main() -> Result<(), rialto_otc_numerics::Error> {
    draws()?;
    pde::<1>()?;
    pde::<4>()?;
    pde::<8>()
}
