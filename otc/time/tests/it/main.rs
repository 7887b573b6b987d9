//! Facts about dates, sessions, schedules and clocks.

#[test]
fn dump() {
    use rialto_otc_time::*;
    let t = std::time::Instant::now();
    let c = Calendars::builtin();
    eprintln!("built in {:?} {}", t.elapsed(), c.version());
    let mut out = String::new();
    for e in [Exchange::Xshg, Exchange::CnIb, Exchange::Xhkg] {
        let cal = c.get(e);
        let (a, b) = cal.coverage();
        let mut d = a;
        while d <= b {
            if let Some(s) = cal.session(d).unwrap() {
                out += &format!("{e} {d} {:?} {:?}\n", s.kind, s.status);
            }
            d = d.add_days(1).unwrap();
        }
    }
    std::fs::write("/tmp/dump.txt", out).unwrap();
}
