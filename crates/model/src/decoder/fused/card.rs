//! The kernels of `kernels.cu` on an NVIDIA GPU: compiled by NVRTC for the card at hand, launched on candle's stream.

use std::sync::Arc;

use candle_core::cuda_backend::CudaStorage;
use candle_core::cuda_backend::cudarc::driver::{
    CudaFunction, CudaModule, CudaSlice, CudaStream, DevicePtr, LaunchConfig, PushKernelArg,
};
use candle_core::cuda_backend::cudarc::nvrtc::{CompileOptions, compile_ptx_with_opts};
use candle_core::op::BackpropOp;
use candle_core::{CudaDevice, DType, Device, Error, Result, Storage, Tensor};
use half::{bf16, f16};

use super::product::{Pointers, Products};
use super::{Attention, Backend, CHUNK, Join, Shape};
use crate::format::config::Activation;
use crate::nonempty::NonEmptyTensor;

const SOURCE: &str = include_str!("kernels.cu");

/// Threads of a block that works on a row.
const THREADS: u32 = 256;
/// Threads of a block of `heads` and of `attend`: four warps.
const WARPS: u32 = 128;

pub(in crate::decoder) struct Card {
    shape: Shape,
    device: CudaDevice,
    stream: Arc<CudaStream>,
    products: Products,
    kernels: Kernels,
}

/// In the order of `kernels.cu`.
struct Kernels {
    embed: CudaFunction,
    norm_rows: CudaFunction,
    heads: CudaFunction,
    attend: CudaFunction,
    join: CudaFunction,
    activate: CudaFunction,
    gather: CudaFunction,
    noise: CudaFunction,
    compare: CudaFunction,
}

/// Numbers in the dtype of matrices, as bytes.
pub(in crate::decoder) struct Operands(CudaSlice<u8>);

/// A matrix `[out, input]`, or an embedding.
pub(in crate::decoder) struct Matrix {
    /// Keeps the memory.
    _tensor: Tensor,
    pointer: u64,
    dimensions: (usize, usize),
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::msg(format!("CUDA: {error}"))
}

/// The number of a dtype in `kernels.cu`.
fn number(dtype: DType) -> u32 {
    match dtype {
        DType::BF16 => 1,
        DType::F16 => 2,
        _ => 0,
    }
}

impl Card {
    pub(in crate::decoder) fn new(shape: Shape, device: &Device) -> Result<Self> {
        let device = device.as_cuda_device()?.clone();
        let stream = device.cuda_stream();
        let module = compile(&shape, &stream)?;
        let kernel = |name: &str| module.load_function(name).map_err(failed);
        let kernels = Kernels {
            embed: kernel("embed")?,
            norm_rows: kernel("norm_rows")?,
            heads: kernel("heads")?,
            attend: kernel("attend")?,
            join: kernel("join")?,
            activate: kernel("activate")?,
            gather: kernel("gather")?,
            noise: kernel("noise")?,
            compare: kernel("compare")?,
        };
        let products = Products::new(stream.clone(), shape.compute)?;
        Ok(Card { shape, device, stream, products, kernels })
    }

    fn operand_bytes(&self) -> usize {
        self.shape.compute.dtype().size_in_bytes()
    }

    fn pointer<T>(&self, slice: &CudaSlice<T>) -> u64 {
        slice.device_ptr(&self.stream).0
    }

    /// 0 where there is nothing.
    fn optional(&self, slice: Option<&CudaSlice<f32>>) -> u64 {
        slice.map_or(0, |slice| self.pointer(slice))
    }

    /// The address of a contiguous tensor's first value, and the tensor, which keeps it.
    fn address(&self, tensor: &Tensor) -> Result<u64> {
        let (storage, layout) = tensor.storage_and_layout();
        let Storage::Cuda(storage) = &*storage else { candle_core::bail!("a tensor is not on the GPU") };
        if !layout.is_contiguous() {
            candle_core::bail!("a tensor has gaps");
        }
        let first = match tensor.dtype() {
            DType::BF16 => self.pointer(storage.as_cuda_slice::<bf16>()?),
            DType::F16 => self.pointer(storage.as_cuda_slice::<f16>()?),
            DType::F32 => self.pointer(storage.as_cuda_slice::<f32>()?),
            DType::U32 => self.pointer(storage.as_cuda_slice::<u32>()?),
            other => candle_core::bail!("a tensor is {other:?}"),
        };
        Ok(first + (layout.start_offset() * tensor.dtype().size_in_bytes()) as u64)
    }

    /// Blocks of `threads` threads. Arguments are addresses and numbers, in the kernel's order.
    fn launch(&self, kernel: &CudaFunction, grid: (usize, usize), threads: u32, arguments: &[Argument]) -> Result<()> {
        if grid.0 == 0 || grid.1 == 0 {
            candle_core::bail!("a kernel was launched over nothing");
        }
        let config =
            LaunchConfig { grid_dim: (grid.0 as u32, grid.1 as u32, 1), block_dim: (threads, 1, 1), shared_mem_bytes: 0 };
        let mut launch = self.stream.launch_builder(kernel);
        for argument in arguments {
            match argument {
                Argument::Address(address) => launch.arg(address),
                Argument::Count(count) => launch.arg(count),
                Argument::Factor(factor) => launch.arg(factor),
            };
        }
        // SAFETY: each caller passes what the kernel declares, in its order; buffers hold a row for each block; and all of it
        // is on one stream, which orders it.
        unsafe { launch.launch(config) }.map(|_| ()).map_err(failed)
    }

    /// Whether a product over `rows` rows that begin `first` rows later has the bits that it has over [`CHUNK`] rows.
    fn same(&self, run: &dyn Fn(usize, Pointers) -> Result<()>, matrix: &Matrix, rows: usize, first: usize) -> Result<bool> {
        let (out, input) = matrix.dimensions;
        let bytes = self.operand_bytes();
        let x = self.operands(CHUNK * input)?;
        let count = (CHUNK * input) as u32;
        let grid = ((CHUNK * input).div_ceil(THREADS as usize), 1);
        let address = self.pointer(&x.0);
        self.launch(
            &self.kernels.noise,
            grid,
            THREADS,
            &[Argument::Address(address), Argument::Count(count), Argument::Count(7)],
        )?;
        let (all, some) = (self.floats(CHUNK * out)?, self.floats(rows * out)?);
        run(CHUNK, Pointers { x: address, matrix: matrix.pointer, to: self.pointer(&all) })?;
        let behind = address + (first * input * bytes) as u64;
        run(rows, Pointers { x: behind, matrix: matrix.pointer, to: self.pointer(&some) })?;
        let flag = self.indices(&[0])?;
        let expected = self.pointer(&all) + (first * out * size_of::<f32>()) as u64;
        let arguments = [
            Argument::Address(expected),
            Argument::Address(self.pointer(&some)),
            Argument::Count((rows * out) as u32),
            Argument::Address(self.pointer(&flag)),
        ];
        self.launch(&self.kernels.compare, ((rows * out).div_ceil(THREADS as usize), 1), THREADS, &arguments)?;
        Ok(self.stream.clone_dtoh(&flag).map_err(failed)? == [0])
    }

    fn join_into(&self, added: &CudaSlice<f32>, join: &Join<'_, Self>, hidden: &CudaSlice<f32>, to: u64, out: u64) -> Result<()> {
        let arguments = [
            Argument::Address(self.pointer(added)),
            Argument::Address(self.optional(join.bias)),
            Argument::Address(self.optional(join.post)),
            Argument::Address(self.pointer(hidden)),
            Argument::Address(self.pointer(join.next)),
            Argument::Address(to),
            Argument::Address(out),
        ];
        self.launch(&self.kernels.join, (join.rows, 1), THREADS, &arguments)
    }
}

/// What a kernel is given.
enum Argument {
    Address(u64),
    Count(u32),
    Factor(f32),
}

fn compile(shape: &Shape, stream: &CudaStream) -> Result<Arc<CudaModule>> {
    let bits = |value: f32| format!("0x{:08x}u", value.to_bits());
    let activation = match shape.activation {
        Activation::Silu => 0,
        Activation::GeluTanh => 1,
        Activation::Gelu => 2,
    };
    let definitions = [
        ("DTYPE", number(shape.compute.dtype()).to_string()),
        ("EMBEDDING", number(shape.embedding).to_string()),
        ("HIDDEN", shape.hidden.to_string()),
        ("INTERMEDIATE", shape.intermediate.to_string()),
        ("HEADS", shape.heads.to_string()),
        ("KV_HEADS", shape.kv_heads.to_string()),
        ("HEAD_DIM", shape.head_dim.to_string()),
        ("ACTIVATION", activation.to_string()),
        ("EPSILON", bits(shape.epsilon)),
        ("SCALE", bits(shape.scale)),
        ("SOFTCAP", bits(shape.softcap.unwrap_or(0.0))),
    ];
    let mut options: Vec<String> = definitions.iter().map(|(name, value)| format!("--define-macro={name}={value}")).collect();
    let (major, minor) = stream.context().compute_capability().map_err(failed)?;
    options.push(format!("--gpu-architecture=compute_{major}{minor}"));
    let options = CompileOptions { fmad: Some(false), options, ..CompileOptions::default() };
    let ptx = compile_ptx_with_opts(SOURCE, options).map_err(|error| failed(format!("the kernels do not compile: {error:?}")))?;
    stream.context().load_module(ptx).map_err(failed)
}

impl Backend for Card {
    type Floats = CudaSlice<f32>;
    type Operands = Operands;
    type Indices = CudaSlice<u32>;
    type Matrix = Matrix;
    type Embedding = Matrix;

    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn floats(&self, length: usize) -> Result<CudaSlice<f32>> {
        self.stream.alloc_zeros(length).map_err(failed)
    }

    fn operands(&self, length: usize) -> Result<Operands> {
        self.stream.alloc_zeros(length * self.operand_bytes()).map(Operands).map_err(failed)
    }

    fn indices(&self, values: &[u32]) -> Result<CudaSlice<u32>> {
        self.stream.clone_htod(values).map_err(failed)
    }

    fn upload(&self, values: &[f32]) -> Result<CudaSlice<f32>> {
        self.stream.clone_htod(values).map_err(failed)
    }

    fn download(&self, from: &CudaSlice<f32>, length: usize) -> Result<Vec<f32>> {
        self.stream.clone_dtoh(&from.slice(..length)).map_err(failed)
    }

    fn vector(&self, tensor: &Tensor) -> Result<CudaSlice<f32>> {
        self.upload(&tensor.to_dtype(DType::F32)?.to_vec1::<f32>()?)
    }

    fn matrix(&self, tensor: Tensor) -> Result<Matrix> {
        let matrix = Matrix { pointer: self.address(&tensor)?, dimensions: tensor.dims2()?, _tensor: tensor };
        if !self.products.knows(matrix.dimensions) {
            self.products.plan(matrix.dimensions, &mut |run, rows, first| self.same(run, &matrix, rows, first))?;
        }
        Ok(matrix)
    }

    fn embedding(&self, tensor: Tensor) -> Result<Matrix> {
        Ok(Matrix { pointer: self.address(&tensor)?, dimensions: tensor.dims2()?, _tensor: tensor })
    }

    fn embed(&self, embedding: &Matrix, tokens: &[u32], scale: f32, to: &mut CudaSlice<f32>) -> Result<()> {
        let ids = self.indices(tokens)?;
        let arguments = [
            Argument::Address(embedding.pointer),
            Argument::Address(self.pointer(&ids)),
            Argument::Factor(scale),
            Argument::Address(self.pointer(to)),
        ];
        self.launch(&self.kernels.embed, (tokens.len(), 1), THREADS, &arguments)
    }

    fn norm(&self, x: &CudaSlice<f32>, rows: usize, weight: &CudaSlice<f32>, to: &mut Operands) -> Result<()> {
        let arguments = [self.pointer(x), self.pointer(weight), self.pointer(&to.0)].map(Argument::Address);
        self.launch(&self.kernels.norm_rows, (rows, 1), THREADS, &arguments)
    }

    fn product(
        &self,
        (x, first): (&Operands, usize),
        rows: usize,
        matrix: &Matrix,
        (to, at): (&mut CudaSlice<f32>, usize),
    ) -> Result<()> {
        let (out, input) = matrix.dimensions;
        let bytes = self.operand_bytes();
        // A product writes whole numbers of rows, at most a chunk beyond those asked for.
        if x.0.len() < (first + rows + CHUNK) * input * bytes || to.len() < (at + rows + CHUNK) * out {
            candle_core::bail!("a buffer is too short for {rows} rows of a product [{out}, {input}]");
        }
        let pointers = Pointers {
            x: self.pointer(&x.0) + (first * input * bytes) as u64,
            matrix: matrix.pointer,
            to: self.pointer(to) + (at * out * size_of::<f32>()) as u64,
        };
        self.products.multiply((out, input), rows, bytes, pointers)
    }

    fn heads(
        &self,
        joined: &mut CudaSlice<f32>,
        rows: usize,
        bias: Option<&CudaSlice<f32>>,
        norms: Option<&(CudaSlice<f32>, CudaSlice<f32>)>,
        (cos, sin): &(CudaSlice<f32>, CudaSlice<f32>),
    ) -> Result<()> {
        let arguments = [
            self.pointer(joined),
            self.optional(bias),
            self.optional(norms.map(|(queries, _)| queries)),
            self.optional(norms.map(|(_, keys)| keys)),
            self.pointer(cos),
            self.pointer(sin),
        ];
        let heads = self.shape.heads + 2 * self.shape.kv_heads;
        self.launch(&self.kernels.heads, (rows, heads.div_ceil(4)), WARPS, &arguments.map(Argument::Address))
    }

    fn attend(&self, joined: &CudaSlice<f32>, attention: &Attention<'_, Self>, to: &mut Operands) -> Result<()> {
        let tree = attention.tree;
        let (keys, values) = match attention.past {
            Some((keys, values)) => (self.address(keys.tensor())?, self.address(values.tensor())?),
            None => (0, 0),
        };
        let arguments = [
            Argument::Address(self.pointer(joined)),
            Argument::Address(keys),
            Argument::Address(values),
            Argument::Address(self.pointer(&tree.starts)),
            Argument::Address(self.pointer(&tree.offsets)),
            Argument::Address(self.pointer(&tree.lineage)),
            Argument::Address(attention.which.map_or(0, |which| self.pointer(which))),
            Argument::Count(attention.window.unwrap_or(0) as u32),
            Argument::Address(self.pointer(&to.0)),
        ];
        self.launch(&self.kernels.attend, (attention.rows, self.shape.kv_heads), WARPS, &arguments)
    }

    fn join(&self, added: &CudaSlice<f32>, join: &Join<'_, Self>, hidden: &mut CudaSlice<f32>, to: &mut Operands) -> Result<()> {
        self.join_into(added, join, hidden, self.pointer(&to.0), 0)
    }

    fn finish(
        &self,
        added: &CudaSlice<f32>,
        join: &Join<'_, Self>,
        hidden: &mut CudaSlice<f32>,
        to: &mut CudaSlice<f32>,
    ) -> Result<()> {
        self.join_into(added, join, hidden, 0, self.pointer(to))
    }

    fn activate(&self, x: &CudaSlice<f32>, rows: usize, bias: Option<&CudaSlice<f32>>, to: &mut Operands) -> Result<()> {
        let arguments = [self.pointer(x), self.optional(bias), self.pointer(&to.0)].map(Argument::Address);
        let blocks = self.shape.intermediate.div_ceil(THREADS as usize);
        self.launch(&self.kernels.activate, (blocks, rows), THREADS, &arguments)
    }

    fn gather(
        &self,
        from: &CudaSlice<f32>,
        (stride, column, width): (usize, usize, usize),
        (rows, count): (&CudaSlice<u32>, usize),
        to: &mut CudaSlice<f32>,
    ) -> Result<()> {
        let arguments = [
            Argument::Address(self.pointer(from)),
            Argument::Count(stride as u32),
            Argument::Count(column as u32),
            Argument::Count(width as u32),
            Argument::Address(self.pointer(rows)),
            Argument::Address(self.pointer(to)),
        ];
        self.launch(&self.kernels.gather, (count, 1), THREADS, &arguments)
    }

    fn kept(
        &self,
        from: &CudaSlice<f32>,
        columns: (usize, usize, usize),
        rows: (&CudaSlice<u32>, usize),
    ) -> Result<NonEmptyTensor> {
        let (_, _, width) = columns;
        let mut to = self.floats(rows.1 * width)?;
        self.gather(from, columns, rows, &mut to)?;
        let storage = Storage::Cuda(CudaStorage::wrap_cuda_slice(to, self.device.clone()));
        NonEmptyTensor::of(Tensor::from_storage(storage, (1, rows.1, width), BackpropOp::none(), false))
    }
}
