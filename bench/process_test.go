package main

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"
)

func TestProcessFigures(t *testing.T) {
	before, err := processorTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}

	for n, begin := 0, time.Now(); time.Since(begin) < 20*time.Millisecond; n++ {
		_ = fmt.Sprint(n)
	}
	after, err := processorTime(os.Getpid())
	if err != nil || after <= before {
		t.Errorf("processor time %v, then %v: %v", before, after, err)
	}

	limit, err := openFiles()
	if err != nil || limit < 100 {
		t.Errorf("%d open files: %v", limit, err)
	}
	all, err := processors()
	if err != nil || len(all) == 0 {
		t.Errorf("processors %v: %v", all, err)
	}
}

// A child starts on the given processors, and the next one anywhere again.
func TestOnProcessors(t *testing.T) {
	all, err := processors()
	if err != nil {
		t.Fatal(err)
	}

	inside := []int(nil)
	err = onProcessors(all[:1], func() (err error) {
		inside, err = processors()
		return err
	})
	if err != nil || len(inside) != 1 || inside[0] != all[0] {
		t.Errorf("processors %v, want %v: %v", inside, all[:1], err)
	}

	if after, err := processors(); err != nil || len(after) != len(all) {
		t.Errorf("processors %v afterwards, want %v: %v", after, all, err)
	}
}

// What is read of a child is read of this process here.
func TestProcessProperties(t *testing.T) {
	p := &process{cmd: &exec.Cmd{Process: &os.Process{Pid: os.Getpid()}}}
	if err := p.forgetPeak(); err != nil {
		t.Fatal(err)
	}

	resident, err := p.resident()
	if err != nil || resident < 1<<20 {
		t.Errorf("resident %d: %v", resident, err)
	}
	peak, err := p.peak()
	if err != nil || peak < 1<<20 {
		t.Errorf("peak %d: %v", peak, err)
	}

	files, err := p.openFiles()
	if err != nil || files < 100 {
		t.Errorf("%d open files: %v", files, err)
	}
}
