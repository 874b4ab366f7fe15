use super::*;
use Register::{R0, R1};

#[test]
fn a_jump_counts_from_the_next_instruction_on() {
    let mut program = Assembler::default();
    let (back, over) = (program.label(), program.label());
    program.place(back).jump_if(Condition::Equal, R1, 7, over).jump(back);
    program.place(over).set(R0, R1).exit();
    let offsets: Vec<i16> = program.finish().unwrap().iter().map(|i| i.offset).collect();
    assert_eq!(offsets, [1, -2, 0, 0]);
}

#[test]
fn a_label_that_stands_nowhere_is_an_error() {
    let mut program = Assembler::default();
    let nowhere = program.label();
    program.jump(nowhere).exit();
    assert!(program.finish().is_err());
}

#[test]
fn instructions_are_written_as_the_rfc_says() {
    let mut program = Assembler::default();
    program.compute(Operation::Add, R1, R0).load(Width::Byte, R0, R1, 13).fetch_add(R1, 8, R0);
    let code: Vec<_> = program.finish().unwrap();
    let expected = [(0x0f, (1, 0), 0, 0), (0x71, (0, 1), 13, 0), (0xdb, (1, 0), 8, 1)];
    let expected = expected.map(|(code, (to, from), offset, immediate)| {
        (code, registers(to, from), offset, immediate)
    });
    assert_eq!(registers(1, 2), if cfg!(target_endian = "little") { 0x21 } else { 0x12 });
    let code: Vec<_> = code.iter().map(|i| (i.code, i.registers, i.offset, i.immediate)).collect();
    assert_eq!(code, expected);
}
