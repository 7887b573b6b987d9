//! Securities, last prices and daily price limits.

/// Board of an exchange; it decides the daily price limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Board {
    Main,
    Growth,
    Star,
}

impl Board {
    /// Daily limit in percent of the previous close.
    pub fn limit_percent(self) -> i64 {
        match self {
            Board::Main => 10,
            Board::Growth | Board::Star => 20,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Board::Main => "main",
            Board::Growth => "growth",
            Board::Star => "star",
        }
    }
}

/// A listed security. Prices are in fen (0.01 CNY), which is also the tick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Security {
    pub code: &'static str,
    pub name: &'static str,
    pub board: Board,
    pub previous_close: i64,
    pub last: i64,
}

/// The demonstration's securities; invented prices.
pub fn securities() -> Vec<Security> {
    vec![
        Security { code: "600000", name: "Pudong Bank", board: Board::Main, previous_close: 1012, last: 1020 },
        Security { code: "000001", name: "Pingan Bank", board: Board::Main, previous_close: 1165, last: 1158 },
        Security { code: "300750", name: "Era Battery", board: Board::Growth, previous_close: 25333, last: 26010 },
        Security { code: "688981", name: "Core Foundry", board: Board::Star, previous_close: 8907, last: 8890 },
    ]
}

/// Highest and lowest price of the day, rounded half up to the tick.
pub fn limits(security: &Security) -> (i64, i64) {
    let percent = security.board.limit_percent();
    let at = |percent: i64| (security.previous_close * percent + 50).div_euclid(100);
    (at(100 + percent), at(100 - percent))
}

/// Price in yuan with two decimals.
pub fn yuan(fen: i64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn security(board: Board, previous_close: i64) -> Security {
        Security { code: "000000", name: "Any", board, previous_close, last: previous_close }
    }

    #[test]
    fn main_board_moves_ten_percent_a_day() {
        assert_eq!(limits(&security(Board::Main, 1000)), (1100, 900));
    }

    #[test]
    fn growth_and_star_boards_move_twenty() {
        assert_eq!(limits(&security(Board::Growth, 1000)), (1200, 800));
        assert_eq!(limits(&security(Board::Star, 1000)), (1200, 800));
    }

    #[test]
    fn half_a_tick_rounds_up() {
        assert_eq!(limits(&security(Board::Main, 1005)), (1106, 905));
    }

    #[test]
    fn every_last_price_lies_within_its_limits() {
        for security in securities() {
            let (high, low) = limits(&security);
            assert!((low..=high).contains(&security.last), "{}", security.code);
        }
    }

    #[test]
    fn fen_are_shown_as_yuan() {
        assert_eq!(yuan(1020), "10.20");
        assert_eq!(yuan(7), "0.07");
    }
}
