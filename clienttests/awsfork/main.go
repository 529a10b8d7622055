// Command awsfork stands in for the program aws: it hands its arguments, environment, folder and
// streams to awsfork.py, which listens at the socket beside this program, and ends as the AWS CLI did.
package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// failed is an exit code that the AWS CLI does not have.
const failed = 99

func main() {
	code, err := call()
	if err != nil {
		fmt.Fprintln(os.Stderr, "awsfork:", err)
		code = failed
	}
	os.Exit(code)
}

func call() (int, error) {
	program, err := os.Executable()
	if err != nil {
		return 0, err
	}
	folder, err := os.Getwd()
	if err != nil {
		return 0, err
	}

	asked, err := json.Marshal(struct {
		Arguments, Environment []string
		Folder                 string
	}{os.Args[1:], os.Environ(), folder})
	if err != nil {
		return 0, err
	}

	socket := &net.UnixAddr{Name: filepath.Join(filepath.Dir(program), "socket"), Net: "unix"}
	connection, err := net.DialUnix("unix", nil, socket)
	if err != nil {
		return 0, err
	}

	defer func() { _ = connection.Close() }()

	head := binary.BigEndian.AppendUint32(nil, uint32(len(asked)))
	if _, _, err := connection.WriteMsgUnix(head, syscall.UnixRights(0, 1, 2), nil); err != nil {
		return 0, err
	}
	if _, err := connection.Write(asked); err != nil {
		return 0, err
	}

	var code [1]byte
	if _, err := io.ReadFull(connection, code[:]); err != nil {
		return 0, fmt.Errorf("the AWS CLI ended without an exit code: %w", err)
	}

	return int(code[0]), nil
}
