//! From raw readings to values (IPMI 2.0 §36.3): `y = L((M·x + B·10^Bexp)·10^Rexp)`.

/// Factors of a sensor, or of one reading of a nonlinear one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Factors {
    /// Multiplier, 10 bits with sign.
    pub(crate) m: i16,
    /// Offset, 10 bits with sign.
    pub(crate) b: i16,
    /// Tolerance in half raw counts, 6 bits.
    pub(crate) tolerance: u8,
    /// Exponent of the result, 4 bits with sign.
    pub(crate) result_exponent: i8,
    /// Exponent of the offset, 4 bits with sign.
    pub(crate) b_exponent: i8,
}

impl Factors {
    /// The six bytes from `M` to the exponents, as they stand in a full sensor record (bytes 25 to 30, table 43-1) and in the
    /// answer to Get Sensor Reading Factors. `None` if there are fewer.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let [m_low, m_high, b_low, b_high, _accuracy, exponents, ..] = bytes else {
            return None;
        };
        Some(Self {
            m: ten_bits(*m_low, *m_high),
            b: ten_bits(*b_low, *b_high),
            tolerance: m_high & 0x3f,
            result_exponent: four_bits(exponents >> 4),
            b_exponent: four_bits(exponents & 0x0f),
        })
    }

    /// The value of a reading, before linearization.
    pub(crate) fn linear(self, x: f64) -> f64 {
        let offset = f64::from(self.b) * power_of_ten(self.b_exponent);
        (f64::from(self.m) * x + offset) * power_of_ten(self.result_exponent)
    }

    /// Half a tolerance count each way, as a difference of values.
    pub(crate) fn tolerance(self) -> f64 {
        (f64::from(self.m) * f64::from(self.tolerance) / 2.0 * power_of_ten(self.result_exponent))
            .abs()
    }
}

/// How readings are written (sensor units 1, bits 7 and 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Unsigned,
    OnesComplement,
    TwosComplement,
}

impl Format {
    /// `None` for sensors that have no numeric reading.
    pub(crate) fn parse(units: u8) -> Option<Self> {
        match units >> 6 {
            0 => Some(Self::Unsigned),
            1 => Some(Self::OnesComplement),
            2 => Some(Self::TwosComplement),
            _ => None,
        }
    }

    pub(crate) fn number(self, raw: u8) -> f64 {
        let signed = raw.cast_signed();
        match self {
            Self::Unsigned => raw.into(),
            // Negative numbers are one further away, and there is a negative zero.
            Self::OnesComplement if signed < 0 => f64::from(signed) + 1.0,
            Self::OnesComplement | Self::TwosComplement => signed.into(),
        }
    }
}

/// What is done to the linear value (linearization, table 43-1 byte 24).
pub(crate) fn linearize(function: u8, value: f64) -> f64 {
    match function {
        1 => value.ln(),
        2 => value.log10(),
        3 => value.log2(),
        4 => value.exp(),
        5 => 10_f64.powf(value),
        6 => value.exp2(),
        7 => value.recip(),
        8 => value * value,
        9 => value * value * value,
        10 => value.sqrt(),
        11 => value.cbrt(),
        _ => value,
    }
}

/// Ten bits with sign: the low eight, and two on top of the next byte.
fn ten_bits(low: u8, high: u8) -> i16 {
    let bits = i16::from_be_bytes([high & 0xc0, low]);
    // The two bits stand at the very top: bring them down to the others, keeping the sign.
    (bits & 0x00ff) | ((bits & !0x00ff) >> 6)
}

/// Four bits with sign.
fn four_bits(bits: u8) -> i8 {
    (bits << 4).cast_signed() >> 4
}

fn power_of_ten(exponent: i8) -> f64 {
    10_f64.powi(exponent.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Packs factors as a BMC does.
    fn pack(factors: Factors) -> [u8; 6] {
        let [m_high, m_low] = factors.m.to_be_bytes();
        let [b_high, b_low] = factors.b.to_be_bytes();
        [
            m_low,
            m_high << 6 | factors.tolerance,
            b_low,
            b_high << 6,
            0,
            factors.result_exponent.cast_unsigned() << 4
                | factors.b_exponent.cast_unsigned() & 0x0f,
        ]
    }

    #[test]
    fn a_fan_counts_in_steps() {
        // M = 75, all else 0: 40 counts are 3000 RPM.
        let factors = Factors::parse(&[75, 0, 0, 0, 0, 0]).unwrap();
        assert_eq!(factors.linear(40.0), 3000.0);
    }

    #[test]
    fn a_voltage_has_an_exponent() {
        // M = 89, result exponent -3: 138 counts are 12.282 V.
        let factors = Factors::parse(&[89, 0, 0, 0, 0, 0xd0]).unwrap();
        assert!((factors.linear(138.0) - 12.282).abs() < 1e-9);
    }

    #[test]
    fn an_offset_has_an_exponent_of_its_own() {
        // M = 1, B = -5, both exponents: (10 - 5·10²)·10⁻¹.
        let factors = Factors::parse(&[1, 0, 0xfb, 0xc0, 0, 0xf2]).unwrap();
        assert_eq!(factors.b, -5);
        assert!((factors.linear(10.0) + 49.0).abs() < 1e-9);
    }

    #[test]
    fn readings_have_signs() {
        assert_eq!(Format::Unsigned.number(0xff), 255.0);
        assert_eq!(Format::TwosComplement.number(0xff), -1.0);
        assert_eq!(Format::TwosComplement.number(0x80), -128.0);
        assert_eq!(Format::OnesComplement.number(0xff), 0.0);
        assert_eq!(Format::OnesComplement.number(0xfe), -1.0);
        assert_eq!(Format::OnesComplement.number(0x7f), 127.0);
        assert_eq!(Format::parse(0xc0), None);
    }

    #[test]
    fn functions_are_those_of_the_table() {
        for (function, value, expected) in [
            (0, 4.0, 4.0),
            (1, 1.0, 0.0),
            (2, 100.0, 2.0),
            (3, 8.0, 3.0),
            (4, 0.0, 1.0),
            (5, 2.0, 100.0),
            (6, 3.0, 8.0),
            (7, 4.0, 0.25),
            (8, 3.0, 9.0),
            (9, 2.0, 8.0),
            (10, 9.0, 3.0),
            (11, 27.0, 3.0),
        ] {
            let result: f64 = linearize(function, value);
            assert!((result - expected).abs() < 1e-9, "{function}: {result}");
        }
    }

    proptest! {
        #[test]
        fn what_is_packed_is_read(
            m in -512_i16..512,
            b in -512_i16..512,
            tolerance in 0_u8..64,
            result_exponent in -8_i8..8,
            b_exponent in -8_i8..8,
        ) {
            let factors = Factors { m, b, tolerance, result_exponent, b_exponent };
            prop_assert_eq!(Factors::parse(&pack(factors)), Some(factors));
        }
    }
}
