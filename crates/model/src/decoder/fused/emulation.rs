//! The kernels of `kernels.cu` said in Rust: the same operations in the same order, a thread after another. Slow; it is there
//! to hold the kernels' arithmetic, and the layout of every buffer, against the CPU's own forward.
//!
//! Read it beside `kernels.cu`: a function here is the kernel of the same name there.

use candle_core::{DType, Device, Result, Tensor};

use super::{Attention, Backend, CHUNK, Join, Shape};
use crate::decoder::native::{exponential, hyperbolic_tangent};
use crate::format::config::Activation;
use crate::nonempty::NonEmptyTensor;

/// Threads of a block that works on a row.
const THREADS: usize = 256;
const LANES: usize = 32;

pub(in crate::decoder) struct Emulation {
    shape: Shape,
}

impl Emulation {
    pub(in crate::decoder) fn new(shape: Shape) -> Self {
        Emulation { shape }
    }

    fn narrow(&self, x: f32) -> f32 {
        self.shape.compute.round(x)
    }

    fn norm_factor(&self, squares: f32, width: usize) -> f32 {
        1.0 / (squares / width as f32 + self.shape.epsilon).sqrt()
    }

    /// The stream with what is added, and the factor of its norm.
    fn add_to_stream(&self, added: &[f32], join: &Join<'_, Self>, hidden: &mut [f32]) -> f32 {
        let width = self.shape.hidden;
        let biased = |i: usize| join.bias.map_or(added[i], |bias| added[i] + bias[i]);
        let factor = join.post.map(|_| {
            let squares = threads(width, |i, sum| biased(i).mul_add(biased(i), sum));
            self.norm_factor(block_sum(&squares), width)
        });
        let squares = threads(width, |i, sum| {
            let added = match (factor, join.post) {
                (Some(factor), Some(post)) => biased(i) * factor * post[i],
                _ => biased(i),
            };
            hidden[i] += added;
            hidden[i].mul_add(hidden[i], sum)
        });
        self.norm_factor(block_sum(&squares), width)
    }
}

/// What each thread of a block sums over its values, `i`, `i + THREADS`, …
fn threads(width: usize, mut add: impl FnMut(usize, f32) -> f32) -> Vec<f32> {
    (0..THREADS).map(|thread| (thread..width).step_by(THREADS).fold(0.0, |sum, i| add(i, sum))).collect()
}

/// Lanes pairwise: those 16 apart, then 8, 4, 2 and 1.
fn warp_sum(lanes: &[f32]) -> f32 {
    let mut lanes = lanes.to_vec();
    for step in [16, 8, 4, 2, 1] {
        lanes = (0..LANES).map(|lane| lanes[lane] + lanes[lane ^ step]).collect();
    }
    lanes[0]
}

/// Warps in order.
fn block_sum(threads: &[f32]) -> f32 {
    let warps: Vec<f32> = threads.chunks(LANES).map(warp_sum).collect();
    warps.iter().skip(1).fold(warps[0], |sum, warp| sum + warp)
}

/// The lanes' sums of products over `i`, `i + 32`, …, summed.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let lane = |lane: usize| (lane..a.len()).step_by(LANES).fold(0.0, |sum, i| a[i].mul_add(b[i], sum));
    warp_sum(&(0..LANES).map(lane).collect::<Vec<f32>>())
}

impl Backend for Emulation {
    type Floats = Vec<f32>;
    /// Rounded to the dtype.
    type Operands = Vec<f32>;
    type Indices = Vec<u32>;
    /// `[out, input]`, and `out`.
    type Matrix = (Vec<f32>, usize);
    type Embedding = Vec<f32>;

    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn floats(&self, length: usize) -> Result<Vec<f32>> {
        Ok(vec![0.0; length])
    }

    fn operands(&self, length: usize) -> Result<Vec<f32>> {
        Ok(vec![0.0; length])
    }

    fn indices(&self, values: &[u32]) -> Result<Vec<u32>> {
        Ok(values.to_vec())
    }

    fn upload(&self, values: &[f32]) -> Result<Vec<f32>> {
        Ok(values.to_vec())
    }

    fn download(&self, from: &Vec<f32>, length: usize) -> Result<Vec<f32>> {
        Ok(from[..length].to_vec())
    }

    fn vector(&self, tensor: &Tensor) -> Result<Vec<f32>> {
        tensor.to_dtype(DType::F32)?.to_vec1()
    }

    fn matrix(&self, tensor: Tensor) -> Result<(Vec<f32>, usize)> {
        Ok((tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?, tensor.dim(0)?))
    }

    fn embedding(&self, tensor: Tensor) -> Result<Vec<f32>> {
        tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()
    }

    fn embed(&self, embedding: &Vec<f32>, tokens: &[u32], scale: f32, to: &mut Vec<f32>) -> Result<()> {
        let width = self.shape.hidden;
        for (row, &token) in tokens.iter().enumerate() {
            for i in 0..width {
                to[row * width + i] = embedding[token as usize * width + i] * scale;
            }
        }
        Ok(())
    }

    fn norm(&self, x: &Vec<f32>, rows: usize, weight: &Vec<f32>, to: &mut Vec<f32>) -> Result<()> {
        let width = self.shape.hidden;
        for row in 0..rows {
            let x = &x[row * width..][..width];
            let factor = self.norm_factor(block_sum(&threads(width, |i, sum| x[i].mul_add(x[i], sum))), width);
            for i in 0..width {
                to[row * width + i] = self.narrow(x[i] * factor * weight[i]);
            }
        }
        Ok(())
    }

    /// Sums in f64: which order a library takes is its own. As there, what lies behind the rows asked for is written too.
    fn product(
        &self,
        (x, first): (&Vec<f32>, usize),
        rows: usize,
        (matrix, out): &(Vec<f32>, usize),
        (to, at): (&mut Vec<f32>, usize),
    ) -> Result<()> {
        let input = matrix.len() / out;
        for row in 0..rows {
            let x = &x[(first + row) * input..][..input];
            for (column, weights) in matrix.chunks_exact(input).enumerate() {
                let sum: f64 = x.iter().zip(weights).map(|(x, weight)| f64::from(*x) * f64::from(*weight)).sum();
                to[(at + row) * out + column] = sum as f32;
            }
        }
        to[(at + rows) * out..][..(CHUNK - 1) * out].fill(f32::NAN);
        Ok(())
    }

    fn heads(
        &self,
        joined: &mut Vec<f32>,
        rows: usize,
        bias: Option<&Vec<f32>>,
        norms: Option<&(Vec<f32>, Vec<f32>)>,
        (cos, sin): &(Vec<f32>, Vec<f32>),
    ) -> Result<()> {
        let (shape, width, half) = (&self.shape, self.shape.head_dim, self.shape.head_dim / 2);
        let (queries, keys) = (shape.heads, shape.heads + shape.kv_heads);
        for row in 0..rows {
            for head in 0..keys + shape.kv_heads {
                let x = &mut joined[row * shape.joined() + head * width..][..width];
                if let Some(bias) = bias {
                    x.iter_mut().zip(&bias[head * width..]).for_each(|(x, bias)| *x += bias);
                }
                if head >= keys {
                    continue;
                }
                let weight = norms.map(|(query, key)| if head < queries { query } else { key });
                let factor = weight.map_or(1.0, |_| self.norm_factor(dot(x, x), width));
                let scale = if head < queries { shape.scale } else { 1.0 };
                for i in 0..half {
                    let (mut a, mut b) = (x[i], x[i + half]);
                    if let Some(weight) = weight {
                        a = a * factor * weight[i];
                        b = b * factor * weight[i + half];
                    }
                    let (c, s) = (cos[row * half + i], sin[row * half + i]);
                    x[i] = (a * c - b * s) * scale;
                    x[i + half] = (b * c + a * s) * scale;
                }
            }
        }
        Ok(())
    }

    fn attend(&self, joined: &Vec<f32>, attention: &Attention<'_, Self>, to: &mut Vec<f32>) -> Result<()> {
        let (shape, width) = (&self.shape, self.shape.head_dim);
        let (stride, group) = (shape.joined(), shape.heads / shape.kv_heads);
        let flat = |tensor: &NonEmptyTensor| tensor.tensor().flatten_all()?.to_vec1::<f32>();
        let past = attention.past.map(|(keys, values)| Ok::<_, candle_core::Error>((flat(keys)?, flat(values)?))).transpose()?;
        let (past_keys, past_values) = past.unwrap_or_default();
        let tree = attention.tree;
        for row in 0..attention.rows {
            let node = attention.which.map_or(row, |which| which[row] as usize);
            let (start, lineage) =
                (tree.starts[node] as usize, &tree.lineage[tree.offsets[node] as usize..tree.offsets[node + 1] as usize]);
            let position = start + lineage.len() - 1;
            let first = attention.window.map_or(0, |window| (position + 1).saturating_sub(window));
            let ancestors = &lineage[first.saturating_sub(start)..];
            let first = first.min(start);
            let behind = start - first;
            let count = behind + ancestors.len();
            for kv in 0..shape.kv_heads {
                let seen = |at: usize, past: &[f32], column: usize| -> Vec<f32> {
                    let values = match at < behind {
                        true => &past[(first + at) * shape.keys() + kv * width..],
                        false => &joined[ancestors[at - behind] as usize * stride + column + kv * width..],
                    };
                    values[..width].to_vec()
                };
                let key = |at: usize| seen(at, &past_keys, shape.queries());
                let value = |at: usize| seen(at, &past_values, shape.queries() + shape.keys());
                for member in 0..group {
                    let head = kv * group + member;
                    let query = &joined[node * stride + head * width..][..width];
                    let (mut greatest, mut total, mut mixed) = (f32::NEG_INFINITY, 0.0f32, vec![0.0f32; width]);
                    for base in (0..count).step_by(LANES) {
                        let here = LANES.min(count - base);
                        let mut weight = [0.0f32; LANES];
                        for (p, weight) in weight[..here].iter_mut().enumerate() {
                            let sum = dot(query, &key(base + p));
                            *weight = shape.softcap.map_or(sum, |cap| cap * hyperbolic_tangent(sum / cap));
                        }
                        let top = weight[..here].iter().fold(greatest, |top, &x| if x > top { x } else { top });
                        weight[..here].iter_mut().for_each(|x| *x = exponential(*x - top));
                        let factor = if base == 0 { 0.0 } else { exponential(greatest - top) };
                        total = total.mul_add(factor, warp_sum(&weight));
                        greatest = top;
                        mixed.iter_mut().for_each(|x| *x *= factor);
                        for (p, weight) in weight[..here].iter().enumerate() {
                            mixed.iter_mut().zip(value(base + p)).for_each(|(x, value)| *x = weight.mul_add(value, *x));
                        }
                    }
                    for (i, x) in mixed.into_iter().enumerate() {
                        to[row * shape.queries() + head * width + i] = self.narrow(x / total);
                    }
                }
            }
        }
        Ok(())
    }

    fn join(&self, added: &Vec<f32>, join: &Join<'_, Self>, hidden: &mut Vec<f32>, to: &mut Vec<f32>) -> Result<()> {
        self.finish(added, join, hidden, to)?;
        to[..join.rows * self.shape.hidden].iter_mut().for_each(|x| *x = self.narrow(*x));
        Ok(())
    }

    fn finish(&self, added: &Vec<f32>, join: &Join<'_, Self>, hidden: &mut Vec<f32>, to: &mut Vec<f32>) -> Result<()> {
        let width = self.shape.hidden;
        for row in 0..join.rows {
            let hidden = &mut hidden[row * width..][..width];
            let factor = self.add_to_stream(&added[row * width..][..width], join, hidden);
            for i in 0..width {
                to[row * width + i] = hidden[i] * factor * join.next[i];
            }
        }
        Ok(())
    }

    fn activate(&self, x: &Vec<f32>, rows: usize, bias: Option<&Vec<f32>>, to: &mut Vec<f32>) -> Result<()> {
        let width = self.shape.intermediate;
        for row in 0..rows {
            for i in 0..width {
                let biased = |i: usize| bias.map_or(x[row * 2 * width + i], |bias| x[row * 2 * width + i] + bias[i]);
                let (gate, up) = (biased(i), biased(width + i));
                let y = match self.shape.activation {
                    Activation::Silu => gate / (1.0 + exponential(-gate)) * up,
                    Activation::GeluTanh => {
                        let u = -1.595_769_2 * gate * 0.044_715f32.mul_add(gate * gate, 1.0);
                        gate / (1.0 + exponential(u)) * up
                    }
                    Activation::Gelu => {
                        let wide = f64::from(gate);
                        let erf = candle_core::cpu::erf::erf_f64(wide * std::f64::consts::FRAC_1_SQRT_2);
                        (0.5 * wide * (1.0 + erf)) as f32 * up
                    }
                };
                to[row * width + i] = self.narrow(y);
            }
        }
        Ok(())
    }

    fn gather(
        &self,
        from: &Vec<f32>,
        (stride, column, width): (usize, usize, usize),
        (rows, count): (&Vec<u32>, usize),
        to: &mut Vec<f32>,
    ) -> Result<()> {
        for (i, &row) in rows[..count].iter().enumerate() {
            to[i * width..][..width].copy_from_slice(&from[row as usize * stride + column..][..width]);
        }
        Ok(())
    }

    fn kept(
        &self,
        from: &Vec<f32>,
        (stride, column, width): (usize, usize, usize),
        (rows, count): (&Vec<u32>, usize),
    ) -> Result<NonEmptyTensor> {
        let mut to = vec![0.0; count * width];
        self.gather(from, (stride, column, width), (rows, count), &mut to)?;
        NonEmptyTensor::new(to, &[1, count, width], &Device::Cpu)
    }
}
