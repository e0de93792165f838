"""Libraries that replace classes of the standard library while a program runs: gevent, eventlet, truststore; and another event loop."""
