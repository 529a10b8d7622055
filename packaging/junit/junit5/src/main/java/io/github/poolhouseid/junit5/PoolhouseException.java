package io.github.poolhouseid.junit5;

/** The server does not start, or an answer of it is no success. */
public class PoolhouseException extends RuntimeException {
    private static final long serialVersionUID = 1;
    private final int status;
    private final String code;

    PoolhouseException(String message, int status, String code) {
        super(message);
        this.status = status;
        this.code = code;
    }

    PoolhouseException(String message, Throwable cause) {
        super(message, cause);
        this.status = 0;
        this.code = "";
    }

    /** Returns the HTTP status; 0 if there was no answer. */
    public int status() {
        return status;
    }

    /** Returns the error of AWS, such as NotAuthorizedException; empty for the control API. */
    public String code() {
        return code;
    }
}
