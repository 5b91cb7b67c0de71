"""Operations that run beside their handler: in worker threads, in event loops."""
