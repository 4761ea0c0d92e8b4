/*
 * ctx_aarch64.S: the stack switch for AAPCS64.
 *
 * Saved, low to high: x19..x28, x29, x30, d8..d15, fpcr (176 bytes with
 * padding).  x18 is left alone: Linux gives it no meaning in user space.
 */
#if defined(__aarch64__)

	.text

/* void prim_ctx_swap(void **ret_sp, void *sp) */
	.globl	prim_ctx_swap
	.hidden	prim_ctx_swap
	.type	prim_ctx_swap, %function
	.p2align 4
prim_ctx_swap:
	.cfi_startproc
	sub	sp, sp, #176
	.cfi_adjust_cfa_offset 176
	stp	x19, x20, [sp, #0]
	stp	x21, x22, [sp, #16]
	stp	x23, x24, [sp, #32]
	stp	x25, x26, [sp, #48]
	stp	x27, x28, [sp, #64]
	stp	x29, x30, [sp, #80]
	stp	d8, d9, [sp, #96]
	stp	d10, d11, [sp, #112]
	stp	d12, d13, [sp, #128]
	stp	d14, d15, [sp, #144]
	mrs	x2, fpcr
	str	x2, [sp, #160]
	mov	x2, sp
	str	x2, [x0]
	mov	sp, x1
	ldr	x2, [sp, #160]
	msr	fpcr, x2
	ldp	x19, x20, [sp, #0]
	ldp	x21, x22, [sp, #16]
	ldp	x23, x24, [sp, #32]
	ldp	x25, x26, [sp, #48]
	ldp	x27, x28, [sp, #64]
	ldp	x29, x30, [sp, #80]
	ldp	d8, d9, [sp, #96]
	ldp	d10, d11, [sp, #112]
	ldp	d12, d13, [sp, #128]
	ldp	d14, d15, [sp, #144]
	add	sp, sp, #176
	.cfi_adjust_cfa_offset -176
	ret
	.cfi_endproc
	.size	prim_ctx_swap, .-prim_ctx_swap

/* The first return address of a new context; x19 holds it. */
	.globl	prim_ctx_entry
	.hidden	prim_ctx_entry
	.type	prim_ctx_entry, %function
	.p2align 4
prim_ctx_entry:
	.cfi_startproc
	.cfi_undefined x30
	mov	x0, x19
	mov	x29, xzr
	bl	prim_ctx_main
	brk	#1
	.cfi_endproc
	.size	prim_ctx_entry, .-prim_ctx_entry

#endif
	.section .note.GNU-stack, "", %progbits
