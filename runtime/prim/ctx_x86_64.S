/*
 * ctx_x86_64.S: the stack switch for the System V x86-64 ABI.
 *
 * Saved on the stack, low to high: mxcsr and the x87 control word (one
 * word), r15 r14 r13 r12 rbx rbp, the return address.  Everything else is
 * caller-saved, so the compiler has put it away before the call.
 */
#if defined(__x86_64__)

	.text

/* void prim_ctx_swap(void **ret_sp, void *sp) */
	.globl	prim_ctx_swap
	.hidden	prim_ctx_swap
	.type	prim_ctx_swap, @function
	.p2align 4
prim_ctx_swap:
	.cfi_startproc
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	pushq	%rbx
	.cfi_adjust_cfa_offset 8
	pushq	%r12
	.cfi_adjust_cfa_offset 8
	pushq	%r13
	.cfi_adjust_cfa_offset 8
	pushq	%r14
	.cfi_adjust_cfa_offset 8
	pushq	%r15
	.cfi_adjust_cfa_offset 8
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	stmxcsr	(%rsp)
	fnstcw	4(%rsp)
	movl	(%rsp), %eax
	movzwl	4(%rsp), %ecx
	movq	%rsp, (%rdi)
	movq	%rsi, %rsp
	cmpl	%eax, (%rsp)		/* loading them is slow, and they seldom differ */
	je	1f
	ldmxcsr	(%rsp)
1:	cmpw	%cx, 4(%rsp)
	je	2f
	fldcw	4(%rsp)
2:	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	popq	%r15
	.cfi_adjust_cfa_offset -8
	popq	%r14
	.cfi_adjust_cfa_offset -8
	popq	%r13
	.cfi_adjust_cfa_offset -8
	popq	%r12
	.cfi_adjust_cfa_offset -8
	popq	%rbx
	.cfi_adjust_cfa_offset -8
	popq	%rbp
	.cfi_adjust_cfa_offset -8
	popq	%rcx			/* a ret would be mispredicted: the call was elsewhere */
	.cfi_adjust_cfa_offset -8
	.cfi_register rip, rcx
	jmp	*%rcx
	.cfi_endproc
	.size	prim_ctx_swap, .-prim_ctx_swap

/* The first return address of a new context; r12 holds it.  An unwinder
 * stops here. */
	.globl	prim_ctx_entry
	.hidden	prim_ctx_entry
	.type	prim_ctx_entry, @function
	.p2align 4
prim_ctx_entry:
	.cfi_startproc
	.cfi_undefined rip
	movq	%r12, %rdi
	xorl	%ebp, %ebp
	call	prim_ctx_main
	ud2
	.cfi_endproc
	.size	prim_ctx_entry, .-prim_ctx_entry

#endif
	.section .note.GNU-stack, "", %progbits
