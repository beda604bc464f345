"""funboost, fenced in: nothing outside this folder imports it.

It starts one thread for each queue and runs claims on a pool of threads. Everything else of it
(message formats, retries, time limits, its own brokers) is switched off or replaced.

What this folder stands on: funboost is pinned to 55.0, because much of this is private.

- Names of the package: ``Booster``, ``BoosterParams``, ``register_custom_broker``,
  ``AbstractConsumer``, ``AbstractPublisher``, ``concurrent_pool.FunboostBaseConcurrentPool``.
- ``AbstractConsumer``: ``custom_init`` is called once by the constructor; ``_dispatch_task`` is
  the loop of the queue's thread; ``_submit_task``, ``_confirm_consume``, ``_requeue`` and
  ``check_heartbeat_and_message_count`` are replaced; ``queue_name``, ``consumer_params``,
  ``concurrent_pool``, ``consuming_function`` and ``_stop_flag`` are used.
- ``AbstractPublisher``: ``_publish_impl``, ``clear``, ``get_message_count``, ``close`` and
  ``_at_exit`` are replaced.
- Its import (``loader``): it reads the modules ``nb_log_config`` and ``funboost_config``, sets up
  logging by ``nb_log.log_manager.LogManager``, calls the global ``print`` of
  ``consumers.base_consumer``, and patches the names that ``loader`` restores.
- It imports packages that nothing here calls (``stubs``); what it calls is in ``requirements.txt``.

The wheel of Jobdesk does not require funboost: its tree cannot be installed beside many projects'
own packages. Where it is not installed (``installed``), ``jobs.brokers.plain_threads`` does the
same and passes the same tests.
"""
