package io.github.poolhouseid.junit5;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.parallel.ResourceLock;

/**
 * Gives tests a server: a parameter of the type {@link Poolhouse}. All classes share one, which each test
 * finds as it started. The AWS SDK finds it by system properties. Tests with it run one after the other,
 * also where others run in parallel.
 */
@Documented
@Inherited
@Target({ElementType.TYPE, ElementType.METHOD})
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(PoolhouseExtension.class)
@ResourceLock("io.github.poolhouseid.junit5")
public @interface WithPoolhouse {
}
