//! eBPF without a compiler: programs are put together as values, and given to the kernel by bpf(2).

mod assembler;
mod call;

pub(crate) use assembler::{Assembler, Condition, Helper, Instruction, Operation, Register, Width};
pub(crate) use call::{Refusal, SocketMap, create_shared, load, map_shared};
