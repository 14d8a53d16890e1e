select journal.give_inbox('escalation');
