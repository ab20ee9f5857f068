//! Norms, rotation, activations and soft-max over rows of f32, as wide as the CPU's registers.
//!
//! Each function is compiled three times, for AVX-512, AVX2 and whatever the target has, and the widest that runs is taken.
//! Sums are gathered in sixteen lanes by place and then added in one fixed order, so that a row's result depends on nothing
//! but the row.

use candle_core::cpu::erf::erf_f64;

/// Lanes of every sum: those of AVX-512, whatever the CPU has.
const LANES: usize = 16;

/// Compiles a function for each instruction set and takes the widest at run time. The body's last generic argument says
/// whether a fused multiply-add is one instruction.
macro_rules! widest {
    ($(#[$doc:meta])* $name:ident = $body:ident($($arg:ident: $kind:ty),*) $(-> $result:ty)?) => {
        $(#[$doc])*
        pub(in crate::decoder::native) fn $name($($arg: $kind),*) $(-> $result)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx2,fma")]
                fn avx512($($arg: $kind),*) $(-> $result)? {
                    $body::<true>($($arg),*)
                }
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($arg: $kind),*) $(-> $result)? {
                    $body::<true>($($arg),*)
                }
                match $crate::decoder::native::elementwise::level() {
                    // SAFETY: `level` has asked the CPU for these features.
                    $crate::decoder::native::elementwise::Level::Avx512 => return unsafe { avx512($($arg),*) },
                    // SAFETY: as above.
                    $crate::decoder::native::elementwise::Level::Avx2 => return unsafe { avx2($($arg),*) },
                    $crate::decoder::native::elementwise::Level::Portable => {}
                }
            }
            $body::<{ cfg!(target_arch = "aarch64") }>($($arg),*)
        }
    };
}
pub(super) use widest;

/// What the CPU has.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Avx512,
    Avx2,
    Portable,
}

#[cfg(target_arch = "x86_64")]
pub(super) fn level() -> Level {
    let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    let wide = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq");
    match (avx2, wide && is_x86_feature_detected!("avx512vl")) {
        (true, true) => Level::Avx512,
        (true, false) => Level::Avx2,
        _ => Level::Portable,
    }
}

/// Whether this CPU computes everything beside products with fused operations: what decides the last bits.
pub(crate) fn is_fused() -> bool {
    #[cfg(target_arch = "x86_64")]
    if level() != Level::Portable {
        return true;
    }
    cfg!(target_arch = "aarch64")
}

/// `a · b + c`, fused where that is one instruction.
#[inline(always)]
pub(super) fn fma<const FMA: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// Adds up lanes, halves first.
#[inline(always)]
fn total(mut lanes: [f32; LANES]) -> f32 {
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] += lanes[i + width];
        }
        width /= 2;
    }
    lanes[0]
}

/// Term `i` goes to lane `i mod 16`.
#[inline(always)]
pub(super) fn dot<const FMA: bool>(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0; LANES];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for i in 0..LANES {
            lanes[i] = fma::<FMA>(a[i], b[i], lanes[i]);
        }
    }
    for (lane, (a, b)) in lanes.iter_mut().zip(a_rest.iter().zip(b_rest)) {
        *lane = fma::<FMA>(*a, *b, *lane);
    }
    total(lanes)
}

/// e^x by Cephes' `expf`, to 2 units in the last place; below e^-87.3 it stays there. NaN stays NaN.
#[inline(always)]
fn exp<const FMA: bool>(x: f32) -> f32 {
    // Adding 1.5 · 2^23 leaves the nearest whole number in the lowest bits.
    const SHIFT: f32 = 12_582_912.0;
    let x = if x < -87.3 { -87.3 } else { x };
    let x = if x > 88.3 { 88.3 } else { x };
    let shifted = fma::<FMA>(x, std::f32::consts::LOG2_E, SHIFT);
    let n = shifted - SHIFT;
    let r = fma::<FMA>(n, 2.121_944_4e-4, fma::<FMA>(n, -0.693_359_4, x));
    let mut y = 1.987_569_1e-4;
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        y = fma::<FMA>(y, r, coefficient);
    }
    let y = fma::<FMA>(y, r * r, r) + 1.0;
    let power = shifted.to_bits().wrapping_sub(SHIFT.to_bits()).wrapping_add(127);
    y * f32::from_bits(power << 23)
}

/// By Cephes' `tanhf`, to 2 units in the last place: the difference of two numbers near 1 would leave a small x few digits,
/// and a soft-cap is a small x multiplied by a large cap.
#[inline(always)]
fn tanh<const FMA: bool>(x: f32) -> f32 {
    let square = x * x;
    let mut y = -5.704_988_7e-3;
    for coefficient in [2.063_908_8e-2, -5.373_971_6e-2, 1.333_144_2e-1, -3.333_328e-1] {
        y = fma::<FMA>(y, square, coefficient);
    }
    let near = fma::<FMA>(y * square, x, x);
    let far = 1.0 - 2.0 / (exp::<FMA>(2.0 * x) + 1.0);
    if x.abs() < 0.625 { near } else { far }
}

/// [`exp`] with fused operations, whatever this CPU has.
pub(in crate::decoder) fn exponential(x: f32) -> f32 {
    exp::<true>(x)
}

/// [`tanh`], likewise.
pub(in crate::decoder) fn hyperbolic_tangent(x: f32) -> f32 {
    tanh::<true>(x)
}

/// `weight · x / √(mean(x²) + epsilon)`.
#[inline(always)]
fn norm_body<const FMA: bool>(x: &[f32], weight: &[f32], epsilon: f32, to: &mut [f32]) {
    let factor = 1.0 / (dot::<FMA>(x, x) / x.len() as f32 + epsilon).sqrt();
    for ((to, x), weight) in to.iter_mut().zip(x).zip(weight) {
        *to = x * factor * weight;
    }
}

#[inline(always)]
fn norm_in_place_body<const FMA: bool>(x: &mut [f32], weight: &[f32], epsilon: f32) {
    let factor = 1.0 / (dot::<FMA>(x, x) / x.len() as f32 + epsilon).sqrt();
    for (x, weight) in x.iter_mut().zip(weight) {
        *x = *x * factor * weight;
    }
}

#[inline(always)]
fn add_body<const FMA: bool>(to: &mut [f32], x: &[f32]) {
    for (to, x) in to.iter_mut().zip(x) {
        *to += x;
    }
}

#[inline(always)]
fn rotate_body<const FMA: bool>(head: &mut [f32], cos: &[f32], sin: &[f32], factor: f32) {
    let (first, second) = head.split_at_mut(cos.len());
    for (((a, b), cos), sin) in first.iter_mut().zip(second).zip(cos).zip(sin) {
        let turned = (*a * cos - *b * sin, *b * cos + *a * sin);
        (*a, *b) = (turned.0 * factor, turned.1 * factor);
    }
}

#[inline(always)]
fn silu_body<const FMA: bool>(gate: &mut [f32], up: &[f32]) {
    for (gate, up) in gate.iter_mut().zip(up) {
        *gate = *gate / (1.0 + exp::<FMA>(-*gate)) * up;
    }
}

#[inline(always)]
fn gelu_tanh_body<const FMA: bool>(gate: &mut [f32], up: &[f32]) {
    const FACTOR: f32 = 2.0 * 0.797_884_6; // 2 √(2 / π): ½ (1 + tanh x) = 1 / (1 + e^-2x)
    for (gate, up) in gate.iter_mut().zip(up) {
        let x = *gate;
        *gate = x / (1.0 + exp::<FMA>(-FACTOR * x * fma::<FMA>(0.044_715, x * x, 1.0))) * up;
    }
}

#[inline(always)]
fn softcap_body<const FMA: bool>(x: &mut [f32], cap: f32) {
    for x in x {
        *x = cap * tanh::<FMA>(*x / cap);
    }
}

/// Puts e^(x - max) in place of x and returns the sum of them.
#[inline(always)]
pub(super) fn exponentials<const FMA: bool>(x: &mut [f32]) -> f32 {
    let mut max = f32::NEG_INFINITY;
    for &value in &*x {
        max = if value > max { value } else { max };
    }
    let mut lanes = [0.0; LANES];
    let (chunks, rest) = x.as_chunks_mut::<LANES>();
    for chunk in chunks {
        for i in 0..LANES {
            chunk[i] = exp::<FMA>(chunk[i] - max);
            lanes[i] += chunk[i];
        }
    }
    for (lane, value) in lanes.iter_mut().zip(rest) {
        *value = exp::<FMA>(*value - max);
        *lane += *value;
    }
    total(lanes)
}

#[inline(always)]
pub(super) fn softcap<const FMA: bool>(x: &mut [f32], cap: f32) {
    softcap_body::<FMA>(x, cap);
}

widest! {
    /// Root mean square norm of one row.
    norm = norm_body(x: &[f32], weight: &[f32], epsilon: f32, to: &mut [f32])
}
widest! {
    /// The same in place.
    norm_in_place = norm_in_place_body(x: &mut [f32], weight: &[f32], epsilon: f32)
}
widest! {
    add = add_body(to: &mut [f32], x: &[f32])
}
widest! {
    /// Turns one head, its first half against its second, and multiplies it by `factor`.
    rotate = rotate_body(head: &mut [f32], cos: &[f32], sin: &[f32], factor: f32)
}
widest! {
    /// `gate = silu(gate) · up`.
    silu_mul = silu_body(gate: &mut [f32], up: &[f32])
}
widest! {
    /// `gate = gelu(gate) · up`, by the tanh form.
    gelu_tanh_mul = gelu_tanh_body(gate: &mut [f32], up: &[f32])
}

/// `gate = gelu(gate) · up`, by the exact form, which few models have.
pub(super) fn gelu_mul(gate: &mut [f32], up: &[f32]) {
    for (gate, up) in gate.iter_mut().zip(up) {
        let x = f64::from(*gate);
        *gate = (0.5 * x * (1.0 + erf_f64(x * std::f64::consts::FRAC_1_SQRT_2))) as f32 * up;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// -20 to 20, and what the first and last lanes of a row may miss.
    fn values() -> Vec<f32> {
        (0..1003).map(|i| (i as f32 - 500.0) / 25.0).collect()
    }

    fn close(found: f32, expected: f64) {
        assert!((f64::from(found) - expected).abs() <= 1e-6 + 1e-6 * expected.abs(), "{found}, not {expected}");
    }

    #[test]
    fn exponentials_are_those_of_the_standard_library() {
        for x in values().into_iter().chain([-87.0, 88.0, 0.0, 1e-6]) {
            for found in [exp::<true>(x), exp::<false>(x)] {
                let expected = f64::from(x).exp();
                assert!((f64::from(found) / expected - 1.0).abs() < 3e-7, "e^{x}: {found}, not {expected}");
            }
        }
        assert!(exp::<true>(-1000.0) < 1e-37 && exp::<true>(f32::NAN).is_nan());
    }

    /// What a row comes to, with fused operations and without, to the bit. Whoever changes a number here raises `SCORING` in
    /// `scores::store::key`: scores that were kept are no longer what this program computes.
    #[test]
    fn rows_are_what_they_were_when_the_scoring_got_its_number() {
        fn all<const FMA: bool>() -> Vec<u32> {
            let x = values();
            let up: Vec<f32> = x.iter().rev().map(|value| value * 0.3).collect();
            let mut found = vec![dot::<FMA>(&x, &up)];
            let mut row = x.clone();
            norm_body::<FMA>(&x, &up, 1e-5, &mut row);
            found.push(dot::<FMA>(&row, &up));
            for activate in [silu_body::<FMA>, gelu_tanh_body::<FMA>, gelu_mul] {
                let mut row = x.clone();
                activate(&mut row, &up);
                found.push(dot::<FMA>(&row, &up));
            }
            let mut row = x.clone();
            softcap::<FMA>(&mut row, 3.0);
            found.push(exponentials::<FMA>(&mut row));
            found.push(dot::<FMA>(&row, &up));
            let mut row = x[..64].to_vec();
            rotate_body::<FMA>(&mut row, &x[500..532], &x[600..632], 0.7);
            found.push(dot::<FMA>(&row, &up[..64]));
            found.into_iter().map(f32::to_bits).collect()
        }
        let hex = |bits: Vec<u32>| bits.iter().map(|bits| format!("{bits:08x}")).collect::<Vec<_>>().join(" ");
        assert_eq!(hex(all::<true>()), "c71da890 c22745d6 47b1601c 47b16c11 47b16c0e 43d35575 c4b46aa6 c533dbe0");
        assert_eq!(hex(all::<false>()), "c71da890 c22745ba 47b1601c 47b16c11 47b16c0f 43d35575 c4b46aa5 c533dbe0");
    }

    #[test]
    fn tangents_keep_the_digits_of_small_numbers() {
        for x in values().into_iter().flat_map(|x| [x, x * 0.03, x * 1e-4]).chain([0.624_999, 0.625]) {
            for found in [tanh::<true>(x), tanh::<false>(x)] {
                let expected = f64::from(x).tanh();
                assert!((f64::from(found) - expected).abs() <= 3e-7 * expected.abs(), "tanh {x}: {found}, not {expected}");
            }
        }
    }

    #[test]
    fn activations_are_those_of_their_definitions() {
        let (x, up) = (values(), values());
        let of = |activate: fn(&mut [f32], &[f32])| {
            let mut gate = x.clone();
            activate(&mut gate, &up);
            gate
        };
        for (i, silu) in of(silu_mul).into_iter().enumerate() {
            let v = f64::from(x[i]);
            close(silu, v / (1.0 + (-v).exp()) * v);
        }
        for (i, gelu) in of(gelu_tanh_mul).into_iter().enumerate() {
            let v = f64::from(x[i]);
            let inner = (2.0 / std::f64::consts::PI).sqrt() * (v + 0.044715 * v * v * v);
            close(gelu, 0.5 * v * (1.0 + inner.tanh()) * v);
        }
        close(of(gelu_mul)[550], 2.0 * 2.0 * 0.977_249_868_051_820_8);
    }

    #[test]
    fn norms_and_soft_max_are_those_of_their_definitions() {
        let x = values();
        let mut normed = vec![0.0; x.len()];
        norm(&x, &vec![2.0; x.len()], 1e-5, &mut normed);
        let mean = x.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / x.len() as f64;
        close(normed[7], 2.0 * f64::from(x[7]) / (mean + 1e-5).sqrt());
        let mut in_place = x.clone();
        norm_in_place(&mut in_place, &vec![2.0; x.len()], 1e-5);
        assert_eq!(in_place, normed);

        let mut weights = x.clone();
        let sum = exponentials::<false>(&mut weights);
        let expected: f64 = x.iter().map(|v| (f64::from(*v) - f64::from(x[1002])).exp()).sum();
        close(sum, expected);
        let mut capped = vec![3.0, -100.0];
        softcap::<false>(&mut capped, 2.0);
        close(capped[0], 2.0 * 1.5f64.tanh());
        close(capped[1], -2.0);
    }
}
