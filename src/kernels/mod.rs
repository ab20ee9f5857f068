//! Matrix products on weights packed for this CPU. Knows numbers and instructions, nothing of models.
//!
//! Every product adds up a row's terms in one fixed order, whatever the number of rows, of threads or of columns: a row's
//! result never depends, in a single bit, on what else is computed with it.

use half::{bf16, f16};

/// How a packed matrix holds its weights, and with it how it multiplies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Element {
    F32,
    /// Rows that are multiplied are rounded to bf16 as well; sums are in f32.
    Bf16,
    /// Widened to f32 when multiplied.
    F16,
}

/// Values as a file holds them: little-endian bytes of any alignment.
#[derive(Clone, Copy, Debug)]
pub enum Stored<'a> {
    F32(&'a [u8]),
    Bf16(&'a [u8]),
    F16(&'a [u8]),
}

/// A weight matrix `[out, input]`, packed.
pub struct Matrix {
    out: usize,
    input: usize,
    element: Element,
    values: Vec<f32>,
}

impl Matrix {
    /// All zeros.
    pub fn zeros(out: usize, input: usize, element: Element) -> Self {
        Matrix { out, input, element, values: vec![0.0; out * input] }
    }

    /// Sets whole rows, from `first_row` on.
    pub fn fill(&mut self, first_row: usize, rows: Stored<'_>) {
        let at = first_row * self.input;
        let element = self.element;
        let round = |value: f32| match element {
            Element::F32 => value,
            Element::Bf16 => bf16::from_f32(value).to_f32(),
            Element::F16 => f16::from_f32(value).to_f32(),
        };
        for (to, value) in self.values[at..].iter_mut().zip(rows.values()) {
            *to = round(value);
        }
    }

    pub fn out(&self) -> usize {
        self.out
    }

    pub fn input(&self) -> usize {
        self.input
    }

    /// Memory that the weights take.
    pub fn bytes(&self) -> usize {
        self.values.len() * 4
    }

    /// `y = x · weightᵀ`: `x` is `[rows, input]`, `y` is `[rows, out]` and overwritten. Threads are those of the rayon pool
    /// that this is called in.
    pub fn multiply(&self, x: &[f32], y: &mut [f32]) {
        let rows = x.len() / self.input;
        for row in 0..rows {
            let x = &x[row * self.input..][..self.input];
            for (to, weights) in y[row * self.out..][..self.out].iter_mut().zip(self.values.chunks_exact(self.input)) {
                let round = |x: f32| if self.element == Element::Bf16 { bf16::from_f32(x).to_f32() } else { x };
                *to = x.iter().zip(weights).fold(0.0, |sum, (&x, &w)| round(x).mul_add(w, sum));
            }
        }
    }
}

impl Stored<'_> {
    fn values(&self) -> Box<dyn Iterator<Item = f32> + '_> {
        let word = |b: &[u8]| u16::from_le_bytes([b[0], b[1]]);
        match self {
            Stored::F32(bytes) => Box::new(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))),
            Stored::Bf16(bytes) => Box::new(bytes.chunks_exact(2).map(move |b| bf16::from_bits(word(b)).to_f32())),
            Stored::F16(bytes) => Box::new(bytes.chunks_exact(2).map(move |b| f16::from_bits(word(b)).to_f32())),
        }
    }
}
