-- What pages and lists look for, so that years of incidents cost them nothing. Newest first is by identifier (UUIDv7).
drop index routing.incident_page;
create index incident_sector on routing.incident (sector, id desc);
create index incident_kind on routing.incident (kind, id desc);
create index incident_also on routing.incident using gin (also_concerns) where also_concerns <> '{}';
create index incident_open on routing.incident (severity, opened_at, id) where status <> 'closed';
create index incident_closed on routing.incident (closed_at desc, id) where status = 'closed';
-- What figures are counted from.
create index incident_counted on routing.incident (nature, opened_at) include (id, sector, kind, severity);
