//! Every kernel of this machine against products in f64, and against itself, to the bit.

use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

const ELEMENTS: [Element; 3] = [Element::F32, Element::Bf16, Element::F16];

fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| random.random_range(-1.0..1.0)).collect()
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn matrix(kernel: Kernel, element: Element, out: usize, input: usize) -> (Matrix, Vec<f32>) {
    let weights = numbers(out * input, 7);
    let mut matrix = Matrix::zeros_for(kernel, out, input, element);
    assert_eq!(matrix.kernel(), kernel);
    matrix.fill(0, Stored::F32(&bytes(&weights)));
    (matrix, weights)
}

fn product(matrix: &Matrix, x: &[f32]) -> Vec<f32> {
    let mut y = vec![f32::NAN; x.len() / matrix.input() * matrix.out()];
    matrix.multiply(x, &mut y);
    y
}

fn rounded(element: Element, value: f32, weight: bool) -> f64 {
    match element {
        Element::Bf16 => bf16::from_f32(value).to_f64(),
        Element::F16 if weight => half::f16::from_f32(value).to_f64(),
        _ => f64::from(value),
    }
}

fn every(mut check: impl FnMut(Kernel, Element)) {
    for element in ELEMENTS {
        for kernel in Kernel::available(element) {
            check(kernel, element);
        }
    }
}

/// How far a sum of `n` terms may be off, in units of the sum of their sizes. Terms are added up in blocks of 64 (the number
/// stands here by itself: it is what is tested), and the blocks to each other; pairs of bf16 one after the other.
fn bound(kernel: Kernel, n: usize) -> f64 {
    let additions = if kernel == Kernel::Avx512Bf16 { n } else { n.min(64) + n.div_ceil(64) };
    (additions + 2) as f64 * 2f64.powi(-24)
}

/// Every value of a product against its sum in f64.
fn is_that_of_f64(matrix: &Matrix, weights: &[f32], x: &[f32]) {
    let (kernel, element, out, input) = (matrix.kernel(), matrix.element(), matrix.out(), matrix.input());
    let y = product(matrix, x);
    for (row, x) in x.chunks_exact(input).enumerate() {
        for column in 0..out {
            let terms = x.iter().zip(&weights[column * input..][..input]);
            let terms = terms.map(|(&x, &w)| rounded(element, x, false) * rounded(element, w, true));
            let (sum, size) = terms.fold((0.0, 0.0), |(sum, size), term| (sum + term, size + term.abs()));
            let off = (f64::from(y[row * out + column]) - sum).abs();
            let bound = bound(kernel, input) * size + 1e-30;
            assert!(off <= bound, "{kernel:?} {element:?} [{input}] x [{out}], row {row}: off by {off}, {bound} allowed");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn products_are_those_of_f64(rows in 1usize..40, out in 1usize..100, input in 1usize..200, seed in 0u64..1000) {
        every(|kernel, element| {
            let (matrix, weights) = matrix(kernel, element, out, input);
            is_that_of_f64(&matrix, &weights, &numbers(rows * input, seed));
        });
    }

    #[test]
    fn long_sums_are_those_of_f64_too(rows in 1usize..4, out in 1usize..40, input in 200usize..4096, seed in 0u64..1000) {
        every(|kernel, element| {
            let (matrix, weights) = matrix(kernel, element, out, input);
            is_that_of_f64(&matrix, &weights, &numbers(rows * input, seed));
        });
    }
}

/// Random terms err in both directions, and hide it where thousands are added to one sum. These do not: each of them by
/// itself is lost behind the first, and only a block of them is not.
#[test]
fn small_terms_behind_a_large_one_are_not_lost() {
    let (input, out) = (4096, 33);
    let mut x = vec![2f32.powi(-25); input];
    x[0] = 1.0;
    for rows in [1, 7] {
        every(|kernel, element| {
            let mut matrix = Matrix::zeros_for(kernel, out, input, element);
            let weights = vec![1.0; out * input];
            matrix.fill(0, Stored::F32(&bytes(&weights)));
            is_that_of_f64(&matrix, &weights, &x.repeat(rows));
        });
    }
}

#[test]
fn lengths_that_do_not_fit_are_refused_before_anything_is_written() {
    every(|kernel, element| {
        for (values, results) in [(8, 39), (8, 41), (8, 80), (7, 40), (16, 40)] {
            let refused = std::panic::catch_unwind(|| {
                Matrix::zeros_for(kernel, 40, 8, element).multiply(&vec![1.0; values], &mut vec![0.0; results]);
            });
            assert!(refused.is_err(), "{kernel:?} {element:?}: {values} to {results}");
        }
    });
}

#[test]
fn sums_of_nothing_are_zero() {
    every(|kernel, element| {
        let mut y = [f32::NAN; 6];
        Matrix::zeros_for(kernel, 3, 0, element).multiply(&[], &mut y);
        assert_eq!(y, [0.0; 6], "{kernel:?} {element:?}");
    });
}

#[test]
fn a_row_is_the_same_to_the_bit_in_any_company_and_on_any_number_of_threads() {
    let pools = [1, 2, 3].map(|n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap());
    // Large enough for several shares. One input is a multiple of nothing; rows of the other are copied, if they are many.
    let (out, rows) = (515, 70);
    let each = |input: usize, kernel: Kernel, element: Element| {
        let (matrix, _) = matrix(kernel, element, out, input);
        let x = numbers(rows * input, 3);
        let alone: Vec<f32> = x.chunks_exact(input).flat_map(|row| product(&matrix, row)).collect();
        for pool in &pools {
            for company in 1..=rows {
                let y = pool.install(|| product(&matrix, &x[..company * input]));
                let same = y.iter().zip(&alone).all(|(a, b)| a.to_bits() == b.to_bits());
                assert!(same, "{kernel:?} {element:?}: {company} rows");
            }
        }
    };
    for input in [387, 3 * ALIASED] {
        every(|kernel, element| each(input, kernel, element));
    }
}

#[test]
fn columns_do_not_depend_on_the_other_columns() {
    every(|kernel, element| {
        let (all, weights) = matrix(kernel, element, 70, 33);
        let mut last = Matrix::zeros_for(kernel, 1, 33, element);
        last.fill(0, Stored::F32(&bytes(&weights[69 * 33..])));
        let x = numbers(5 * 33, 4);
        let (y, one) = (product(&all, &x), product(&last, &x));
        assert!((0..5).all(|row| y[row * 70 + 69].to_bits() == one[row].to_bits()), "{kernel:?} {element:?}");
    });
}

#[test]
fn filling_row_by_row_from_any_format_gives_the_same_matrix() {
    // Odd rows are padded; even ones are taken pair by pair.
    for input in [35, 34] {
        same_from_any_format(67, input);
    }
}

fn same_from_any_format(out: usize, input: usize) {
    // Values that every format holds.
    let weights: Vec<f32> = (0..out * input).map(|i| (i % 37) as f32 * 0.25 - 4.0).collect();
    let narrow: Vec<u8> = weights.iter().flat_map(|&value| bf16::from_f32(value).to_le_bytes()).collect();
    let halves: Vec<u8> = weights.iter().flat_map(|&value| half::f16::from_f32(value).to_le_bytes()).collect();
    every(|kernel, element| {
        let (mut a, mut b, mut c) = (
            Matrix::zeros_for(kernel, out, input, element),
            Matrix::zeros_for(kernel, out, input, element),
            Matrix::zeros_for(kernel, out, input, element),
        );
        a.fill(0, Stored::F32(&bytes(&weights)));
        for (row, chunk) in narrow.chunks(input * 2 * 3).enumerate() {
            b.fill(row * 3, Stored::Bf16(chunk));
        }
        c.fill(0, Stored::F16(&halves));
        assert!(*a.panels == *b.panels && *a.panels == *c.panels, "{kernel:?} {element:?}");
        assert_eq!(a.bytes(), 96 * input.next_multiple_of(kernel.group()) * element.size());
    });
}

#[test]
fn empty_products_are_empty() {
    every(|kernel, element| {
        assert_eq!(product(&matrix(kernel, element, 40, 8).0, &[]), [0.0; 0]);
        Matrix::zeros_for(kernel, 0, 8, element).multiply(&[0.0; 16], &mut []);
    });
}

#[test]
fn tiles_are_of_nearly_one_height() {
    for (rows, expected) in [(0, &[][..]), (1, &[1]), (12, &[12]), (13, &[6, 7]), (64, &[10, 11, 11, 10, 11, 11])] {
        assert_eq!(heights(rows).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_tensor_is_multiplied_as_a_slice_is() {
    use candle_core::{Device, Tensor};
    let (matrix, _) = matrix(Kernel::best(Element::F32), Element::F32, 9, 6);
    let x = numbers(4 * 6, 5);
    let expected = product(&matrix, &x);
    let linear = PackedLinear::new(matrix);
    let tensor = Tensor::from_vec(x, (2, 2, 6), &Device::Cpu).unwrap();
    let y = linear.forward(&tensor).unwrap();
    assert_eq!(y.dims(), [2, 2, 9]);
    assert_eq!(y.flatten_all().unwrap().to_vec1::<f32>().unwrap(), expected);
    assert!(linear.forward(&tensor.narrow(2, 0, 5).unwrap()).is_err());
}
